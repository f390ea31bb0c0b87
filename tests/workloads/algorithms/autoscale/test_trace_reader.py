"""Users' files and packaged traces: what is read, and what is said when it cannot be."""

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.algorithms.autoscale.substrate import trace_reader
from adabench.workloads.algorithms.autoscale.substrate.trace_reader import read_file
from adabench.workloads.algorithms.autoscale.task import check_conditions, load

DAY = 12


def rows(count: int = 240, *, gap: bool = False, extra: str = "") -> str:
    rng = np.random.default_rng(0)
    lines = [
        f"{7 if i % 9 else ''}{extra},{rng.uniform(0, 5):.3f},{'' if gap and i % 5 == 3 else 2 + i % DAY}"
        for i in range(count)
    ]
    return "\n".join(["flat,net,cpu", *lines])


def written(tmp_path: Path, text: str, name: str = "own.csv") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "spec", "words"),
    [
        ("", "own.csv", "is empty"),
        ("cpu,net\n", "own.csv", "holds no readings"),
        (rows(200), "own.csv", "200 rows: 140 would be known, and it takes 144"),
        (rows(), "own.csv:gpu", "no column 'gpu'"),
        (rows(extra="x"), "own.csv:flat", "holds words"),
        (rows().replace("flat", "a"), "own.csv:a", "never changes"),
        ("cpu\n" + "\n".join(["1", "", "", ""] * 80), "own.csv", "missing in 75% of the rows"),
        ("cpu\n" + "\n".join(["1", "-2"] * 140), "own.csv", "negative or infinite"),
    ],
    ids=["empty", "header", "short", "column", "words", "constant", "missing", "negative"],
)  # fmt: skip
def test_a_bad_file_is_explained(text: str, spec: str, words: str, tmp_path: Path) -> None:
    written(tmp_path, text)
    with pytest.raises(SelectionError, match=words) as caught:
        read_file(str(tmp_path / spec), DAY)
    assert caught.value.hint


def test_no_file_no_csv_and_no_trace_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="no such file"):
        check_conditions({"data": str(tmp_path / "none.csv")})
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SelectionError, match="cannot be read"):
        read_file(str(tmp_path / "bad.csv"), DAY)
    with pytest.raises(SelectionError, match="no trace 'burst'"):
        check_conditions({"trace": "burst"})


def test_the_load_comes_last_and_what_never_changes_is_left_out(tmp_path: Path) -> None:
    found = read_file(written(tmp_path, rows()), DAY)
    assert found.readings.shape == (240, 2)
    assert found.levels == (1, 2)
    assert found.known == 168
    assert found.readings[:DAY, -1].tolist() == [2 + i for i in range(DAY)]
    other = read_file(written(tmp_path, rows()) + ":net", DAY)
    assert other.readings[:, 0].tolist() == found.readings[:, -1].tolist()


def test_a_zipped_file_is_read_alike(tmp_path: Path) -> None:
    plain = read_file(written(tmp_path, rows()), DAY)
    (tmp_path / "own.csv.gz").write_bytes(gzip.compress(rows().encode()))
    zipped = read_file(str(tmp_path / "own.csv.gz"), DAY)
    assert (zipped.readings == plain.readings).all()


def test_of_many_indicators_those_closest_to_the_load_stay(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    cpu = 2 + rng.random(240)
    columns = {f"n{i}": rng.random(240) for i in range(20)} | {"near": cpu + 0.1 * rng.random(240)}
    names = ",".join([*columns, "cpu"])
    lines = [",".join(map(str, row)) for row in np.column_stack([*columns.values(), cpu])]
    found = read_file(written(tmp_path, "\n".join([names, *lines])), DAY)
    assert found.readings.shape == (240, trace_reader.MOST)
    assert (found.readings[:, -2] == columns["near"]).all()


SINGLE = "cpu\n" + "\n".join(str(2 + i % 7) for i in range(240))


@pytest.mark.parametrize("text", [rows(gap=True), SINGLE], ids=["gaps", "single"])
@pytest.mark.parametrize("name", ["linear_quantile", "linear_indicators", "time_of_day", "harmony"])
def test_gaps_and_a_single_indicator_are_served(text, name, run, tmp_path: Path) -> None:
    task = load("embedded", 0, data=written(tmp_path, text), day=DAY)
    (seen,) = run(name, task, **({"epochs": 3} if name == "harmony" else {}))
    assert all(np.isfinite(value) for value in seen.values())
    assert seen["slots"] == 72


def test_a_package_that_is_not_there_is_named_with_its_extra(monkeypatch) -> None:
    monkeypatch.setattr(trace_reader, "PACKAGE", "no_such_package_of_traces")
    with pytest.raises(EnvironmentProblem, match="not installed") as caught:
        check_conditions({"trace": "google"})
    assert "adabench[traces]" in caught.value.hint


def test_packaged_traces_are_read_from_recorded_files_alone(tmp_path: Path, monkeypatch) -> None:
    package = tmp_path / "planted_traces"
    for file, levels in trace_reader.TRACES.values():
        path = package / file
        path.parent.mkdir(parents=True)
        columns = sorted(levels)
        body = np.random.default_rng(0).uniform(1, 2, (1000, len(columns)))
        lines = [",".join(map(str, row)) for row in body]
        path.write_text("\n".join([",".join(columns), *lines]))
        (path.parent / "synthetic_1_day_300_seconds").mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(trace_reader, "PACKAGE", "planted_traces")
    task = load("embedded", 0, trace="real")
    assert [case.group for case in task.cases()] == ["alibaba", "google", "azure"]
    assert [case.past.shape for case in task.cases()] == [(700, 5), (700, 4), (700, 2)]
    assert not any(case.familiar for case in task.cases())
    assert "planted_traces" not in sys.modules
