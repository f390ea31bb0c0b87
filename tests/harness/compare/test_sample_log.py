"""Logs of lm-eval and of Inspect are sides of a comparison: paired sample by sample, and told which answers flipped."""

import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adabench.harness.compare.compare_runs import CompareRequest, compare_runs
from adabench.harness.compare.comparison_document import document
from adabench.harness.compare.sample_log import load_log
from adabench.harness.errors import AdabenchError, MissingExtra, SelectionError, StoreError

COUNT = 60
Right = Callable[[int], bool]


def lm_eval(path: Path, right: Right, task: str = "gsm8k", **more: Any) -> Path:
    """Write samples as lm-eval does, for two filters."""
    path = path / f"samples_{task}_2026-01-31T12-00-00.123456.jsonl"
    path.parent.mkdir(exist_ok=True)
    rows = [
        {
            "doc_id": i, "doc": {"question": f"q{i}"}, "target": str(i), "arguments": {}, "resps": [["x"]],
            "filtered_resps": ["x"], "filter": way, "metrics": ["exact_match", "perplexity", "f1"],
            "doc_hash": f"{i:064x}", "prompt_hash": "0" * 64, "target_hash": f"{i:064x}",
            "exact_match": float(right(i)), "perplexity": 2.0 + right(i), "f1": [0, 1], **more,
        }
        for way in ("strict-match", "flexible-extract") for i in range(COUNT)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def inspect(path: Path, right: Right, *, version: int = 2, header: bool = True) -> Path:
    """Write a log as Inspect does without zstandard, of two epochs."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as log:
        log.writestr("_journal/start.json", "{}")
        for epoch in (1, 2):
            for i in range(COUNT):
                mark = "C" if right(i) else "I"
                sample = {
                    "id": f"q{i}", "epoch": epoch, "input": f"What is {i}?", "target": str(i),
                    "scores": {"match": {"value": mark, "answer": "1"}, "two": {"value": {"a": 0.25, "b": mark}}},
                    "model_usage": {"m": {"input_tokens": 5, "output_tokens": 7 + i}},
                }  # fmt: skip
                log.writestr(f"samples/q{i}_epoch_{epoch}.json", json.dumps(sample))
        if header:
            said = {"version": version, "status": "success", "eval": {"task": "mine/sums"}}
            log.writestr("header.json", json.dumps(said))
    return path


def some(i: int) -> bool:
    return i % 3 == 0


def more(i: int) -> bool:
    return (i % 3 == 0 and i != 3) or i % 5 == 0 or i % 7 == 0 or i % 11 == 0


def compared(a: Path, b: Path) -> dict[str, Any]:
    (found,) = document(compare_runs(CompareRequest(a, (b,))), 0)["comparisons"]
    return {f"{row['method']} {row['metric']}": row for row in found["rows"]} | {"": found}


def test_samples_of_lm_eval_are_paired_by_document(tmp_path):
    a, b = lm_eval(tmp_path / "a", some), lm_eval(tmp_path / "b", more)
    found = compared(a, b)
    row = found["strict-match exact_match"]
    gained = [str(i) for i in range(COUNT) if more(i) and not some(i)]
    assert row["task"] == "gsm8k"
    assert row["effect"]["n"] == COUNT
    assert row["effect"]["estimate"] == pytest.approx((len(gained) - 1) / COUNT)
    assert row["effect"]["low"] < row["effect"]["estimate"] < row["effect"]["high"]
    assert row["flips"] == {"improved": tuple(gained), "worsened": ("3",), "n": COUNT}
    assert f"{len(gained) + 1} of 60 flipped" in row["note"]
    assert found["flexible-extract perplexity"]["better"] == "lower"
    assert "strict-match f1" not in found  # no number of a sample's
    assert not found[""]["notes"]
    assert not found[""]["differences"]


def test_samples_of_inspect_are_paired_by_id(tmp_path):
    a, b = inspect(tmp_path / "a.eval", some), inspect(tmp_path / "b.eval", more)
    found = compared(a, b)
    row = found["match accuracy"]
    assert (row["task"], row["effect"]["n"]) == ("sums", COUNT)
    assert "q3" in row["flips"]["worsened"]
    assert found["two b"]["effect"] == row["effect"]
    assert found["two a"]["verdict"] == found["match output_tokens"]["verdict"] == "same"


def test_what_asked_other_questions_is_invalid(tmp_path):
    a, b = lm_eval(tmp_path / "a", some), lm_eval(tmp_path / "b", some, doc_hash="1" * 64)
    assert compared(a, b)["strict-match exact_match"]["verdict"] == "invalid"
    with pytest.raises(StoreError, match="nothing in common"):
        compared(a, lm_eval(tmp_path / "c", some, "mmlu"))


def test_a_log_without_hashes_is_known_by_its_documents(tmp_path):
    path = lm_eval(tmp_path / "a", some)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        del row["doc_hash"], row["target_hash"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert len(load_log(path).table) == 2 * COUNT


def zstandard(path: Path) -> None:
    """Let a log say that it is compressed by the method 93."""
    data = path.read_bytes()
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        parts = data.split(mark)
        data = mark.join(
            [parts[0], *(p[: place - 4] + b"\x5d\x00" + p[place - 2 :] for p in parts[1:])]
        )
    path.write_bytes(data)


def test_a_compression_that_is_not_here_is_refused_by_name(tmp_path, monkeypatch):
    if sys.version_info >= (3, 14):
        pytest.skip("this Python reads zstandard")
    zstandard(inspect(tmp_path / "a.eval", some))
    monkeypatch.setitem(sys.modules, "inspect_ai.log", None)
    with pytest.raises(MissingExtra, match="zstandard") as problem:
        load_log(tmp_path / "a.eval")
    assert "pip install inspect-ai" in problem.value.hint


def test_a_log_that_inspect_alone_can_read_is_read_by_it(tmp_path):
    log = pytest.importorskip("inspect_ai.log", reason="inspect-ai is not installed")
    plain = load_log(inspect(tmp_path / "a.eval", some))
    dataset = log.EvalDataset(name="d", samples=COUNT)
    spec = log.EvalSpec(
        created="2026-01-31T12:00:00+00:00", task="mine/sums", dataset=dataset, model="m", config=log.EvalConfig()
    )  # fmt: skip
    with zipfile.ZipFile(tmp_path / "a.eval") as old:
        names = [name for name in old.namelist() if name.startswith("samples/")]
        samples = [log.EvalSample(**json.loads(old.read(name))) for name in names]
    log.write_eval_log(
        log.EvalLog(eval=spec, status="success", samples=samples), str(tmp_path / "b.eval")
    )
    theirs = load_log(tmp_path / "b.eval")
    assert {cell.address for cell in theirs.table.cells} == {"sums/match", "sums/two"}
    assert theirs.table.cells == plain.table.cells
    for name, column in plain.table.columns.items():
        np.testing.assert_array_equal(theirs.table.columns[name][:], column[:])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"doc_id": 1}\n', "line 1 does not say its `metrics`"), ('{"a": 1}\n', "no sample of lm-eval"),
        ("<html>\n", "not valid JSON"), ("", "holds no sample"),
        ('{"doc_id": 1, "metrics": ["ppl"], "ppl": [1, 2]}\n', "holds no sample with a metric"),
        ('{"doc_id": 1, "metrics": ["a"], "a": 1}\n' * 2, "line 2 has the id 1, as .*line 1"),
    ],
)  # fmt: skip
def test_what_is_no_log_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "s.jsonl").write_text(text)
    with pytest.raises(SelectionError, match=says) as problem:
        load_log(tmp_path / "s.jsonl")
    assert problem.value.hint


def test_what_is_no_log_of_inspect_is_named(tmp_path):
    for name, how, says in (
        ("old", {"version": 1}, "of version 1"), ("going", {"header": False}, "has ended"),
    ):  # fmt: skip
        with pytest.raises(AdabenchError, match=says):
            load_log(inspect(tmp_path / f"{name}.eval", some, **how))
    path = inspect(tmp_path / "cut.eval", some)
    data = path.read_bytes()
    path.write_bytes(data[:300] + bytes(200) + data[500:])
    with pytest.raises(SelectionError, match="damaged"):
        load_log(path)
