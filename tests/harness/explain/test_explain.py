"""Every number of a small run can be asked about, and the figures put in give it back."""

import re
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.analysis.findings import Findings
from adabench.harness.analysis.load_run import load_run
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.errors import SelectionError
from adabench.harness.explain import explain, named_numbers
from adabench.harness.store import run_folder, table
from adabench.harness.store.table import Table

pytestmark = pytest.mark.xdist_group("explain")  # one set-up for all of them

FIGURE = r"(-?[\d.]+(?:e[+-]?\d+)?)"


@pytest.fixture(scope="module")
def folder(command: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the toy task: adaptive, static, control and oracle, three seeds, two repeats."""
    base = tmp_path_factory.mktemp("explained")
    cache = {"ADABENCH_CACHE": str(base / "cache")}
    words = ("run", "roots", "--repeats", "2", "--out", base / "r", "--no-report")
    done = command(*words, env=cache)
    assert done.returncode == 0, done.stderr
    return base / "r"


@pytest.fixture
def run(toy: None, folder: Path) -> tuple[Findings, Table]:
    return load_run(folder), table.read(folder)


def told(run: tuple[Findings, Table], name: str) -> explain.Explanation:
    return explain.explain(*run, named_numbers.parse_number_name(run[0], name))


def test_every_number_can_be_explained(run: tuple[Findings, Table]) -> None:
    known = named_numbers.numbers(run[0])
    assert {name.partition("/")[0] for name in known} == {
        "summary", "gap", "speedup", "claim", "run",
    }  # fmt: skip
    for number in known.values():
        found = explain.explain(*run, number)
        assert found.says
        assert found.formula
        assert found.written
        assert found.interval
        assert found.value == number.value
        if number.value is not None:
            assert found.samples, number.name
            assert all(samples.records > 0 for samples in found.samples)


def test_a_mean_is_the_sum_over_its_cases(run: tuple[Findings, Table]) -> None:
    found = told(run, "summary/roots/residual/steps")
    [samples] = found.samples
    assert (samples.records, samples.cells, samples.cases, samples.repeats) == (72, 3, 12, 2)
    assert samples.seeds == (0, 1, 2)
    total, n, mean = map(float, re.findall(rf"= {FIGURE} / {FIGURE} = {FIGURE}", found.written)[0])
    assert n == found.n == 36
    assert total / n == pytest.approx(mean, rel=1e-5) == pytest.approx(found.value, rel=1e-5)
    assert found.meters[0].instrument == "the substrate's counter"
    assert "3 seeds" in found.interval


def test_a_time_names_its_clock_and_what_was_left_out(run: tuple[Findings, Table]) -> None:
    found = told(run, "summary/roots/residual/latency_s")
    [samples] = found.samples
    assert found.meters[0].instrument == "wall clock"
    assert found.meters[0].label == "measured"
    assert samples.timed is not None
    assert samples.timed >= samples.records
    assert "log scale" in found.interval


def test_the_figures_of_a_gap_give_it_back(run: tuple[Findings, Table]) -> None:
    rows = [row for row in run[0].gaps if row.gap_closed is not None]
    assert rows
    for row in rows:
        found = told(run, f"gap/roots/{row.method}")
        top, bottom, closed = map(
            float, re.findall(rf"= {FIGURE} / {FIGURE} = {FIGURE}", found.written)[0]
        )
        assert closed == pytest.approx(row.gap_closed, rel=1e-5)
        assert top / bottom == pytest.approx(row.gap_closed, rel=1e-4)
        assert {samples.of.partition(":")[0] for samples in found.samples} == {
            "mixture", "oracle", "method", "random",
        }  # fmt: skip


def test_the_figures_of_cost_and_quality_beside_the_mixture_give_them_back(
    run: tuple[Findings, Table],
) -> None:
    seen = 0
    for row in run[0].gaps:
        cost, quality = (
            told(run, f"gap/roots/{row.method}/{word}") for word in ("cost", "quality")
        )
        if cost.value is not None:
            own, there, percent = map(
                float, re.findall(rf"{FIGURE} / {FIGURE} - 1 = \+?{FIGURE}", cost.written)[0]
            )
            assert 100 * (own / there - 1) == pytest.approx(percent, rel=1e-3, abs=1e-3)
            assert percent == pytest.approx(cost.value, rel=1e-4)
            seen += 1
        if quality.value is not None:
            own, there, points = map(
                float, re.findall(rf"{FIGURE} - {FIGURE} = \+?{FIGURE}", quality.written)[0]
            )
            scale = 100 if quality.unit == "points" else 1
            assert scale * (own - there) == pytest.approx(points, rel=1e-3, abs=1e-3)
            seen += 1
    assert seen


def test_the_figures_of_a_realised_speedup_give_it_back(run: tuple[Findings, Table]) -> None:
    rows = [row for row in run[0].speedups if row.speedup is not None]
    assert rows
    for row in rows:
        where = "".join(f"@{k}={v}" for k, v in row.conditions.items())
        found = told(run, f"speedup/roots/{row.method}/{row.metric}{where}")
        assert float(re.findall(rf"= {FIGURE}$", found.written)[0]) == pytest.approx(
            row.speedup, rel=1e-4
        )
        work = told(run, f"speedup/roots/{row.method}/{row.metric}/work{where}")
        assert work.value == row.work_ratio
        assert f"{row.work_ratio:.6g}" in work.written


def test_the_figures_of_a_claim_give_it_back(run: tuple[Findings, Table]) -> None:
    found = told(run, "claim/t-1")
    [(log, ratio)] = re.findall(rf"exp\({FIGURE}\) = {FIGURE}", found.written)
    assert 2.718281828 ** float(log) == pytest.approx(float(ratio), rel=1e-4)
    assert float(ratio) == pytest.approx(found.value, rel=1e-5)
    assert [samples.of for samples in found.samples] == ["residual", "fixed"]
    assert {meter.metric for meter in found.meters} == {"steps", "right"}
    assert "Verdict: undecided" in found.says
    assert told(run, "claim/T-2").formula.startswith("The curve is turned")


def test_a_name_of_the_page_is_a_name_too(run: tuple[Findings, Table]) -> None:
    known = named_numbers.numbers(run[0])
    for number in known.values():
        assert named_numbers.parse_number_name(run[0], number.pointer) == number
    first = named_numbers.parse_number_name(run[0], "summary/0/metrics/steps/high")
    assert first.metric == "steps"
    assert first.row is run[0].summary[0]


def test_pointers_lead_to_the_number_in_the_document(run: tuple[Findings, Table]) -> None:
    document = run[0].to_json()
    for number in named_numbers.numbers(run[0]).values():
        at = document
        for part in number.pointer.split("/"):
            at = at[int(part)] if isinstance(at, list) else at[part]
        assert at == number.value, number.name


def test_what_is_not_at_its_default_is_named(run: tuple[Findings, Table]) -> None:
    usual = named_numbers.parse_number_name(run[0], "summary/roots/residual/steps")
    loose = named_numbers.parse_number_name(run[0], "summary/roots/residual/steps@tolerance=0.01")
    near = named_numbers.parse_number_name(run[0], "summary/roots/residual/steps@spread=2.0")
    assert loose.value < usual.value > near.value


def test_unknown_names_suggest_near_ones(run: tuple[Findings, Table]) -> None:
    with pytest.raises(SelectionError) as told_so:
        named_numbers.parse_number_name(run[0], "summary/roots/residual/stepz")
    assert "summary/roots/residual/steps" in told_so.value.hint
    with pytest.raises(SelectionError) as told_so:
        named_numbers.parse_number_name(run[0], "claim/T-9")
    assert "claim/T-" in told_so.value.hint
    with pytest.raises(SelectionError) as told_so:
        named_numbers.parse_number_name(run[0], "xyzzy")
    assert "--list" in told_so.value.hint


def test_a_value_finds_its_numbers(run: tuple[Findings, Table]) -> None:
    closed = named_numbers.parse_number_name(run[0], "gap/roots/residual")
    assert closed.value is not None
    found = {
        number.name
        for number, _ in named_numbers.numbers_with_values(run[0], f"{closed.value:.3f}")
    }
    assert closed.name in found
    everywhere = named_numbers.numbers_with_values(run[0], f"{closed.value:.1f}")
    assert len(everywhere) >= len(found)
    latency = named_numbers.parse_number_name(run[0], "summary/roots/residual/latency_s")
    assert latency.value is not None
    printed = f"{latency.value * 1e6:.3g}µs"
    assert latency.name in {
        number.name for number, _ in named_numbers.numbers_with_values(run[0], printed)
    }
    assert all(
        number.unit == "s" for number, _ in named_numbers.numbers_with_values(run[0], printed)
    )


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("0.783", True), ("1.23 ms", True), ("31,711", True), ("-0.4", True), ("1e-3", True),
     ("claim/x", False), ("1.2 parsecs", False), ("50%", True)],
)  # fmt: skip
def test_values_are_told_from_names(text: str, is_one: bool) -> None:
    assert named_numbers.is_value(text) == is_one


def test_flops_say_whose_work_they_lack(toy: None, tmp_path: Path) -> None:
    lacking = {"flops": 8.0, "aten._fft_r2c.uncounted_calls": 3.0}
    cell = Cell("roots", "fixed", {}, {}, "embedded", 0)
    with run_folder.create(tmp_path / "r", (Turn(cell, 0),), {"instruments": []}) as journal:
        for case in range(3):
            journal.append(Record(cell, "solve", case, 0, "ok", lacking))
    both = load_run(tmp_path / "r"), table.read(tmp_path / "r")
    (name,) = (n.name for n in named_numbers.numbers(both[0]).values() if n.metric == "flops")
    assert "Without the work of aten._fft_r2c" in told(both, name).remark
    assert any("aten._fft_r2c of roots/fixed" in one for one in both[0].manifest["warnings"])
