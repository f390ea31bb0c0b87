"""The use cases of the command line from Python: no typer, nothing printed, nothing exits."""

from dataclasses import asdict
from pathlib import Path

import pytest

from adabench.harness.analysis.load_run import load_run
from adabench.harness.compare.compare_runs import CompareRequest, compare_runs
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.distributed import executor
from adabench.harness.distributed.backends import FanOutOptions
from adabench.harness.errors import SelectionError
from adabench.harness.explain.lookup import explain_number, list_numbers
from adabench.harness.gate.session import GateRequest, run_gate
from adabench.harness.run.run_request import (
    RunRequest,
    create_run,
    is_alone,
    plan_turns,
    race_records,
    read_request,
    remaining_records,
    resume_run,
    write_log,
)
from adabench.harness.run.settings import Limits
from adabench.reports.report.write import report_runs, write_report

READS = ("ledger",)
"""For tests/suite/dependencies.py: a run without a selection is the tour, which has cards of it."""
REQUEST = RunRequest(("roots/fixed", "roots/residual"), star=False, seeds="0..1", alone=True)


def recorded(folder: Path, request: RunRequest = REQUEST) -> Path:
    with create_run(folder, plan_turns(request), request) as run, write_log(run.folder):
        for record in remaining_records(run):
            run.append(record)
    return folder


@pytest.mark.usefixtures("toy")
def test_a_run_is_made_read_compared_and_reported_in_silence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    a, b = recorded(tmp_path / "a"), recorded(tmp_path / "b")
    findings = load_run(a)
    assert not findings.failed
    assert {row.method for row in findings.summary} == {"fixed", "residual"}
    [comparison] = compare_runs(CompareRequest(a, (b,), metrics=("steps",)))
    assert {row.verdict for row in comparison.rows} == {"same"}
    outcome = run_gate(GateRequest((str(a), str(b))))
    assert {row.verdict for row in outcome.rows if row.metric == "steps"} == {"same"}
    assert write_report(findings, a) == a / "report.html"
    assert report_runs([a, b], tmp_path / "both.html").stat().st_size > 0
    names = [match.number.name for match in list_numbers(a)]
    explained = explain_number(a, names[0])
    assert not isinstance(explained, list)
    assert explained.name == names[0]
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("toy")
def test_a_run_remembers_its_request_and_goes_on(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r")
    assert read_request(folder) == REQUEST
    path = folder / "records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"end"' not in line))
    with resume_run(folder) as run:
        assert len(run.remaining) == len(run.turns) == 4
        assert list(remaining_records(run)) == []  # every unit was recorded already
        assert run.remaining == ()


@pytest.mark.usefixtures("toy")
def test_options_that_fan_out_nothing_run_here(tmp_path: Path) -> None:
    request = RunRequest(("roots/fixed",), star=False, seeds="0")
    with create_run(tmp_path / "r", plan_turns(request), request) as run:
        records = list(executor.remaining_records(run, FanOutOptions(), Limits()))
    assert {record.status for record in records} == {"ok"}
    assert not (tmp_path / "r" / "shards").exists()


@pytest.mark.usefixtures("toy")
def test_a_race_says_nothing_unless_it_is_listened_to(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from adabench.harness.race import runner

    monkeypatch.setattr(runner, "LINE_EVERY_S", 0.0)
    request = RunRequest(("roots/fixed", "roots/residual"), race_s=30.0, seeds="0..3")
    lines: list[str] = []
    with create_run(tmp_path / "r", plan_turns(request), request) as run:
        for record in race_records(run, say=lines.append):
            run.append(record)
    assert lines
    assert all("evaluations" in line for line in lines)
    assert load_run(tmp_path / "r").manifest["certificate"]["evaluations"] > 0
    assert capfd.readouterr() == ("", "")


def test_words_that_make_no_sense_are_an_error_and_no_exit() -> None:
    with pytest.raises(SelectionError):
        plan_turns(RunRequest(("no-such-task",)))
    with pytest.raises(SelectionError):
        run_gate(GateRequest(("only one",)))


def test_the_tour_is_what_a_request_without_words_plans() -> None:
    plans = RunRequest(fixed=("noise=0",)).plans
    assert {plan.select[0].partition("/")[0] for plan in plans} >= {"paging", "chain"}
    assert all("noise=0" in plan.fixed for plan in plans)
    assert {turn.cell.seed for turn in plan_turns(RunRequest())} == {0, 1, 2}
    assert asdict(RunRequest())["seeds"] == ""


def test_only_a_plan_of_one_task_under_one_set_of_conditions_ends_with_it() -> None:
    def turn(task: str, seed: int = 0, **conditions: float) -> Turn:
        return Turn(Cell(task, "m", {}, conditions, "embedded", seed), 0)

    assert is_alone([turn("a", graph=1.0), turn("a", 1, graph=1.0)])
    assert not is_alone([turn("a", graph=1.0), turn("a", graph=2.0)])
    assert not is_alone([turn("a"), turn("b")])
