"""`adabench.run` does what the command does: plan, folder and records are the same."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

import adabench
from adabench.harness.contract.earlier_options import KEYWORDS
from adabench.harness.contract.record import Record
from adabench.harness.errors import AdabenchError, EnvironmentProblem, SelectionError, StoreError
from adabench.harness.run.descendants import descendants
from adabench.harness.store import run_folder
from adabench.reports.notebook import run_call

READS = ("<all cards>",)
"""For tests/suite/dependencies.py."""

pytestmark = pytest.mark.usefixtures("toy", "session")
CLOCKED = re.compile(r"(_s|_j|_bytes|_width|_pressure)$|^(loops|samples|samples_dropped|retakes)$")
Command = Callable[..., subprocess.CompletedProcess[str]]
QUIET: dict[str, Any] = {"progress": False}


@pytest.fixture(autouse=True)
def _away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def counts(folder: Path) -> list[tuple[Any, ...]]:
    """What may not differ between two runs: who was run on what, and all that is no clock."""
    return sorted(
        (r.cell.key, r.phase, r.case, r.repeat, r.status, r.group,
         tuple(sorted((k, v) for k, v in r.values.items() if not CLOCKED.search(k))))
        for r in run_folder.records(folder)
    )  # fmt: skip


def test_plan_folder_and_records_are_those_of_the_command(command: Command) -> None:
    done = command("run", "roots", "--seeds", "0..1", "--set", "spread=3", "--sweep",
                   "tolerance=0.01,0.0001", "--repeats", "2", "--out", "typed", "--no-report")  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = adabench.run("roots", seeds=range(2), set={"spread": 3}, repeats=2,
                       sweep={"tolerance": [0.01, 0.0001]}, out="called", **QUIET)  # fmt: skip
    typed, called = (run_folder.read_manifest(Path(name)) for name in ("typed", "called"))
    assert called["plan"] == typed["plan"]
    assert called["asked"] == typed["asked"]
    assert called.keys() == typed.keys()
    assert counts(Path("called")) == counts(Path("typed"))
    assert {path.name for path in run.folder.iterdir()} == {p.name for p in Path("typed").iterdir()}
    assert run.to_json()["claims"] == adabench.load("typed").to_json()["claims"]


def test_the_command_in_the_manifest_makes_the_same_run(command: Command) -> None:
    run = adabench.run(["roots/fixed", "roots/residual"], seeds=[0, 2], alone=True, no_sweep=True,
                       target_ci="20%", max_time_per_case=0.01, time_limit=60, memory_limit="8GiB", **QUIET)  # fmt: skip
    words = run.findings.manifest["command"]
    assert words[:2] == ["adabench", "run"]
    assert run.folder.parent == Path("runs")
    assert command(*words[1:], "--out", "again").returncode == 0
    again = run_folder.read_manifest(Path("again"))
    assert again["asked"] == run.findings.manifest["asked"]
    assert again["plan"] == run.findings.manifest["plan"]


def test_a_keyword_under_its_earlier_name_does_the_same_and_is_said() -> None:
    assert not KEYWORDS.keys() & signature(adabench.run).parameters.keys()
    assert set(KEYWORDS.values()) <= signature(adabench.run).parameters.keys()
    words: dict[str, Any] = {"defaults": True, "per_case": 2.0}
    with pytest.warns(FutureWarning, match="is now called") as said:
        run = adabench.run("roots/fixed", alone=True, seeds=0, out="r", **words, **QUIET)
    asked = run.findings.manifest["asked"]
    assert (asked["star"], asked["per_case_s"]) == (False, 2.0)
    for name, today in (("defaults", "no_sweep"), ("per_case", "max_time_per_case")):
        assert any(f"{name}= is now called {today}=" in str(one.message) for one in said)


def test_workers_run_methods_of_this_process_and_give_the_same_counts() -> None:
    adabench.method("roots/own", role="static", adapts="nothing")(eight_steps)
    here = adabench.run(["roots/own", "roots/fixed"], seeds=1, out="here", no_sweep=True, **QUIET)
    spread = adabench.run(
        ["roots/own", "roots/fixed"], seeds=1, out="spread", no_sweep=True, workers=1, cores=1,
        **QUIET,
    )  # fmt: skip
    assert not here.failed
    assert not spread.failed
    assert counts(here.folder) == counts(spread.folder)


def eight_steps(task: Any, case: Any, point: Any) -> float:
    """Take eight steps, whatever the number."""
    guess = 1.0
    for _ in range(8):
        guess = task.step(case, guess)
    return guess


def test_a_method_of_this_process_is_recorded_with_its_digest_and_its_text() -> None:
    adabench.method("roots/own", role="static", adapts="nothing")(eight_steps)
    run = adabench.run("roots/own", seeds=0, out="r", no_sweep=True, **QUIET)
    frame = run.frame()
    assert set(frame[frame.metric == "steps"].value) == {8.0}
    assert run.findings.manifest["sources"]["roots/own"]
    [kept] = (run.folder / "methods").iterdir()
    assert "Take eight steps" in kept.read_text()
    assert "Take eight steps" in adabench.methods("roots/own").title.item()


def test_another_process_goes_on_with_a_method_that_the_run_has_kept() -> None:
    adabench.method("roots/own", role="static", adapts="nothing")(eight_steps)
    folder = interrupted(lambda: adabench.run("roots/own", seeds=range(3), out="r", no_sweep=True))
    adabench.add_method("roots/own", folder / "methods" / "roots_own.py")
    adabench.run(resume=folder, **QUIET)
    assert not run_folder.remaining(folder)


def test_a_changed_method_does_not_go_on_with_a_run() -> None:
    adabench.method("roots/own", role="static", adapts="nothing")(eight_steps)
    folder = interrupted(lambda: adabench.run("roots/own", seeds=range(3), out="r", no_sweep=True))
    changed = (folder / "methods" / "roots_own.py").read_text().replace("range(8)", "range(9)")
    Path("mine.py").write_text(changed)
    adabench.add_method("roots/own", "mine.py")
    with pytest.raises(StoreError, match="roots/own"):
        adabench.run(resume=folder, **QUIET)


def test_other_machines_cannot_see_a_method_of_this_process() -> None:
    adabench.method("roots/own", role="static", adapts="nothing")(eight_steps)
    with pytest.raises(SelectionError, match="roots/own is a method of this process"):
        adabench.run("roots/own", executor="ray", out="r", **QUIET)
    assert not Path("r").exists()


def interrupted(
    work: Callable[[], object], after: int = 15, end: type[BaseException] = KeyboardInterrupt
) -> Path:
    """End a run after some records; return its folder."""
    append, seen = run_folder.Run.append, []

    def stop(self: run_folder.Run, record: Record) -> None:
        append(self, record)
        seen.append(self.folder)
        if len(seen) == after:
            raise end("the end")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_folder.Run, "append", stop)
        with pytest.raises(end) as ended:
            work()
    assert f"adabench.run(resume={str(seen[0])!r})" in ended.value.__notes__[0]
    return seen[0]


@pytest.mark.cold
def test_an_interrupt_keeps_the_run_and_leaves_no_process() -> None:
    whole = adabench.run("roots/fixed", seeds=range(3), out="whole", **QUIET)
    before = set(descendants(os.getpid()))
    folder = interrupted(lambda: adabench.run("roots/fixed", seeds=range(3), out="cut", **QUIET))
    assert set(descendants(os.getpid())) <= before
    assert len(run_folder.records(folder)) == 15
    resumed = adabench.run(resume=folder, **QUIET)
    assert counts(resumed.folder) == counts(whole.folder)
    assert repr(adabench.run(resume=resumed, **QUIET)) == repr(resumed)


class Gone(EnvironmentProblem):
    """A server of a model that answers no more."""

    ends_run = True


@pytest.mark.cold
def test_a_server_that_is_gone_keeps_the_run_and_says_how_to_go_on() -> None:
    before = set(descendants(os.getpid()))
    folder = interrupted(lambda: adabench.run("roots/fixed", out="cut", **QUIET), end=Gone)
    assert len(run_folder.records(folder)) == 15
    assert set(descendants(os.getpid())) <= before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"select": "roots/fixd"}, "no method"),
        ({"select": "roots", "set": {"spred": 1}}, "spred"),
        ({"select": "roots", "set": {"spread": "wide"}}, "spread"),
        ({"select": "roots", "sweep": {"spread": 3}}, "one value"),
        ({"select": "roots", "seeds": [-1]}, "seeds"),
        ({"select": "roots", "scale": "huge"}, "scale"),
        ({"select": "roots", "executor": "moon"}, "executor"),
        ({"select": "roots", "race": "1m", "repeats": 2}, "race"),
        ({"select": "roots", "race": 60, "workers": 2}, "race"),
        ({"select": "roots", "memory_limit": "much"}, "size"),
        ({"select": "roots", "time_limit": 60, "timeout": 60}, "time_limit= are the same"),
        ({"select": "roots", "most_turns": 3}, "runs"),
        ({"select": "roots", "resume": "r"}, "resume="),
        ({"resume": "r", "out": "x"}, "resume="),
    ],
)
def test_what_makes_no_sense_is_an_exception_of_ours_and_makes_no_folder(
    words: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(AdabenchError, match=sentence):
        adabench.run(**words, **QUIET)
    assert not list(Path().iterdir())


def test_a_folder_that_is_no_run_is_an_exception_of_ours() -> None:
    for call in (adabench.load, lambda place: adabench.run(resume=place)):
        with pytest.raises(AdabenchError):
            call("nowhere")


def test_a_failing_method_ends_no_run() -> None:
    adabench.method("roots/own", role="static", adapts="nothing")(broken)
    run = adabench.run(["roots/own", "roots/fixed"], seeds=0, no_sweep=True, out="r", **QUIET)
    assert {record.cell.method for record in run.failed} == {"own"}
    assert "failed" in repr(run)
    assert set(run.frame().method) == {"fixed"}
    records = run.records()
    assert set(records[records.method == "own"].status) == {"error"}


def broken(task: Any, case: Any, point: Any) -> float:
    """Fail."""
    raise ValueError("on purpose")


def test_progress_is_said_on_stderr_or_not_at_all(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    adabench.run("roots/fixed", seeds=0, out="silent", **QUIET)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("adabench.reports.progress.LINE_EVERY_S", 0.0)
    adabench.run("roots/fixed", seeds=0, out="told")
    out, said = capsys.readouterr()
    assert out == ""
    assert "of 5 runs (roots/fixed)" in said


def test_a_report_is_written_where_it_is_wanted() -> None:
    run = adabench.run("roots/fixed", seeds=0, out="r", report=True, **QUIET)
    assert "<html" in (run.folder / "report.html").read_text()[:200]
    assert run.report("page.html") == Path("page.html")
    assert Path("page.html").read_text() == (run.folder / "report.html").read_text()


def test_a_run_is_drawn_as_figures_as_markdown_and_in_a_notebook() -> None:
    run = adabench.run("roots/fixed", seeds=0, out="r", **QUIET)
    files = run.figures("figures")
    assert {path.suffix for path in files} == {".png", ".svg"}
    assert all(path.stat().st_size for path in files)
    assert run.to_markdown().startswith("### ")
    assert "fixed" in run.to_markdown()
    page = run._repr_html_()
    assert page.count("<table>") >= 1
    assert all(warning[:20] in page for warning in run.warnings)


def test_a_budget_races_and_says_so_only_if_it_may(capsys: pytest.CaptureFixture[str]) -> None:
    words: dict[str, Any] = {"seeds": range(2), "race": 5, "frontier_tolerance": 0.4, **QUIET}
    run = adabench.run(["roots/fixed", "roots/residual"], out="r", **words)
    assert run.findings.manifest["certificate"]
    assert capsys.readouterr() == ("", "")
    assert json.loads((run.folder / "certificate.json").read_text())


def test_talk_goes_where_stderr_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    how = run_call.Execution(*[None] * 4, progress=True)  # type: ignore[arg-type]
    how.say("something")
    assert stream.getvalue() == "something\n"


def test_a_model_that_cannot_be_is_refused_before_a_folder_is_made() -> None:
    with pytest.raises(SelectionError, match="'hff:x' names no model"):
        adabench.run("text/greedy", set={"model": "hff:x"}, out="never", **QUIET)
    assert not Path("never").exists()
