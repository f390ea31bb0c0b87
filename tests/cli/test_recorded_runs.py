"""Every verb that reads a run, on the recorded run of every task.

Each run is loaded and judged once, and each test holds one promise for all of them: it goes on after a
run that breaks it, and names every run that does.
Of a run whose records are too many for the repository only findings are kept: what can be said
of them is said, and what needs the records ends in a sentence and a remedy.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from adabench.cli.main import app
from adabench.harness.analysis import load_run as load_run_module
from adabench.harness.analysis.findings import Findings
from adabench.harness.analysis.findings_file import EVIDENCE
from adabench.harness.analysis.metric_range import range_of
from adabench.harness.analysis.operating_points import metric_of
from adabench.harness.analysis.possible_values import range_of_effect
from adabench.harness.decision.answer_rules import answers
from adabench.harness.errors import AdabenchError
from adabench.harness.store import run_folder, table
from adabench.reports import highlights, shown_points
from adabench.reports.figures.character_plot import Looks
from adabench.reports.report import task_answer
from adabench.reports.report.ending import ending
from adabench.reports.tables.answer_line import answer_line, answer_word, figures_of
from docs.paper_answer import line as page_line
from docs.record import FURTHER

READS = ("<all files>",)
"""For tests/suite/dependencies.py."""

pytestmark = pytest.mark.xdist_group("recorded")  # loaded once for all of them

RECORDED = Path(__file__).parents[2] / "docs" / "recorded"
REMEDIES = ("gunzip", "--out", "adabench run", "start a new run")
RUNS = sorted(path for path in RECORDED.iterdir() if path.is_dir())
OF_PAPERS = [path for path in RUNS if path.name.startswith("reproduction_")]
READ = [path for path in RUNS if path not in OF_PAPERS[1:]]
"""Those that verbs read: all but reproductions, which are of one kind and have many records, and one of these."""


class Reply(NamedTuple):
    code: int
    stdout: str
    problem: str


def adabench(*words: object) -> Reply:
    """Run a verb in this process; errors end as the program's own boundary ends them."""
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*map(str, words)])
    if isinstance(done.exception, AdabenchError):
        problem = done.exception
        return Reply(problem.exit_code, done.stdout, f"{problem.message} {problem.hint}")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Reply(done.exit_code, done.stdout, "")


@pytest.fixture(scope="module", autouse=True)
def _loaded_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Load each run once: all verbs show the same findings, and judging and reading are most of the time."""
    load, known = load_run_module.load_run, dict[Path, Findings]()

    def once(folder: Path) -> Findings:
        if folder not in known:
            known[folder] = load(folder)
        return known[folder]

    read, tables = table.read, dict[Path, table.Table]()

    def read_once(folder: Path, sha256: str = "") -> table.Table:
        if folder not in tables:
            tables[folder] = read(folder, sha256)
        return tables[folder]

    from adabench.harness.explain import lookup
    from adabench.reports.report import write
    from adabench.reports.site import build, card_page

    with pytest.MonkeyPatch.context() as patch:
        for module in (load_run_module, lookup, write, build, card_page):
            patch.setattr(module, "load_run", once)
        patch.setattr(table, "read", read_once)
        for module in (load_run_module, write):
            patch.setattr(module, "read_table", read_once)
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("scratch")))
        yield


def task_of(run: Path) -> str:
    """The task of a recorded run; of a further one, and of a paper's reproduction, the first of its plan."""
    if run.name.startswith("reproduction_") or run.name in FURTHER:
        plan = run_folder.read_plan(run_folder.read_manifest(run))
        return min(turn.cell.task for turn in plan)
    return run.name


def of_every_run(
    promise: Callable[[Path], None], runs: Sequence[Path] = READ
) -> Callable[[], None]:
    """Make one test of what holds for a run; it lists all runs that break it."""

    def test() -> None:
        problems = []
        for run in runs:
            try:
                promise(run)
            except Exception as problem:  # noqa: BLE001  # an error breaks the promise, too
                problems.append(f"{run.name}: {type(problem).__name__}: {problem}")
        assert not problems, "\n\n".join(problems)

    test.__doc__ = promise.__doc__
    return test


def refused(reply: Reply) -> bool:
    """Say whether a verb asked for records that were not kept, and named what makes them."""
    words = ("findings of a run without its records", "adabench run")
    return (reply.code, reply.stdout) == (3, "") and all(word in reply.problem for word in words)


def test_there_are_whole_runs_and_findings_alone() -> None:
    alone = [path for path in RUNS if run_folder.has_only_findings(path)]
    assert 0 < len(alone) < len(RUNS)
    packed = {path: path.stat().st_size for path in RECORDED.rglob("*.gz")}
    verdicts = sum(
        size for path, size in packed.items()
        if path.parent.name.startswith("reproduction_") or path.parent.name == EVIDENCE
    )  # fmt: skip
    assert sum(packed.values()) - verdicts < 3_400_000
    assert verdicts < 5_000_000, "records that verdicts rest on stay: 250 kB a paper"


@of_every_run
def test_claims_show_each_verdict(run: Path) -> None:
    told = adabench("claims", run, "--json")
    rows = json.loads(told.stdout)
    assert told.code == 0
    assert rows
    page = adabench("claims", run, "--all")
    assert page.code == 0
    for row in rows:
        assert row["id"] in page.stdout
        assert row["verdict"] in page.stdout
        assert row["reason"] or row["verdict"] in ("reproduced", "direction only", "holds")
    failed = [
        row["id"] for row in rows if row["verdict"] in (
            "not reproduced", "direction only", "contradicted", "does not discriminate", "violated",
        )
    ]  # fmt: skip
    undecided = any((row["source"], row["verdict"]) == ("headline", "undecided") for row in rows)
    strict = adabench("claims", run, "--strict")
    assert strict.code == (1 if failed else 5 if undecided else 0)
    assert all(name in strict.stdout for name in failed)
    assert adabench("claims", run, "--strict", "--allow-undecided").code == bool(failed)


@of_every_run
def test_a_report_is_written(run: Path) -> None:
    with TemporaryDirectory() as folder:
        page = Path(folder, "report.html")
        written = adabench("report", run, "-o", page)
        assert (written.code, written.stdout.strip()) == (0, str(page))
        text = page.read_text(encoding="utf-8")
    assert run.name in text
    assert run_folder.has_only_findings(run) or run_folder.digest(run) in text


@of_every_run
def test_a_report_is_drawn_on_the_terminal(run: Path) -> None:
    drawn = adabench("report", run, "--terminal")
    assert drawn.code == 0
    assert drawn.stdout.startswith(f"{task_of(run)}: ")


@of_every_run
def test_every_number_is_listed_and_one_is_explained(run: Path) -> None:
    listed = adabench("explain", run, "--list", "--json")
    numbers = [row for row in json.loads(listed.stdout) if row["value"] is not None]
    assert (listed.code, bool(numbers)) == (0, True)
    name = next(row["name"] for row in numbers if row["name"].startswith("summary/"))
    lines = adabench("explain", run, "--list").stdout.splitlines()
    assert any(line.startswith(f"{name} = ") for line in lines)
    told = adabench("explain", run, name)
    if run_folder.has_only_findings(run):
        assert refused(told)
        return
    assert told.code == 0
    assert told.stdout.startswith(f"{name} = ")
    assert "Samples" in told.stdout
    assert "Formula" in told.stdout


@of_every_run
def test_a_run_is_not_worse_than_itself(run: Path) -> None:
    told = adabench("compare", run, run, "--json")
    if run_folder.has_only_findings(run):
        assert refused(told)
        return
    counts = json.loads(told.stdout)["counts"]
    assert (counts["worse"], counts["better"]) == (0, 0)
    assert told.code == (0 if counts["same"] else 3)
    assert run.name in adabench("compare", run, run).stdout


def test_a_site_is_made_of_all(tmp_path: Path) -> None:
    site = tmp_path / "site"
    made = adabench("publish", site, *READ, "--json")
    assert (made.code, made.problem) == (0, "")
    assert json.loads(made.stdout)["runs"] == len(READ)
    index = (site / "index.html").read_text(encoding="utf-8")
    assert [run.name for run in READ if task_of(run) not in index] == []
    kept = {json.loads(path.read_text())["run"] for path in site.glob("data/runs/*/findings.json")}
    assert [run.name for run in READ if run.name not in kept] == []


def test_methods_of_each_task_are_listed_and_shown() -> None:
    problems = []
    for task in sorted({task_of(run) for run in RUNS}):
        listed = adabench("list", task)
        rows = json.loads(adabench("list", task, "--json").stdout)
        shown = adabench("show", rows[0]["address"])
        named = all(row["address"] in listed.stdout for row in rows)
        title = shown.stdout.startswith(f"{rows[0]['address']}: {rows[0]['title']}")
        if (listed.code, shown.code, named, title) != (0, 0, True, True):
            problems.append(f"{task}: {listed} {shown}")
    assert not problems, "\n\n".join(problems)


@of_every_run
def test_it_is_read_and_not_added_to(run: Path) -> None:
    before = sorted(path.name for path in run.iterdir())
    with TemporaryDirectory() as folder:
        for words in (
            ("run", "--resume", run),
            ("run", f"{task_of(run)}/*", "--out", run),
            ("merge", run, "--out", Path(folder, "merged")),
        ):
            told = adabench(*words)
            assert (told.code, told.stdout) == (3, "")
            assert any(way in told.problem for way in REMEDIES)
    assert sorted(path.name for path in run.iterdir()) == before


@partial(of_every_run, runs=RUNS)
def test_no_interval_holds_what_cannot_be(run: Path) -> None:
    """No share above 1, no cost below 0, in any number of a run, those recorded long ago among them."""
    found = load_run_module.load_run(run)
    wrong = []
    for row in found.summary:
        card = found.task_cards[row.task]
        for name, one in row.metrics.items():
            ends = range_of(name, metric_of(name, card))
            if one.low is not None and not ends.low <= one.low <= one.high <= ends.high:
                wrong.append(f"{row.method} {name} [{one.low:g}, {one.high:g}]")
    for gap in found.gaps:
        least = gap.cost_at_equal_quality.low
        if least is not None and least < -100:
            wrong.append(f"{gap.method} costs {least:g} %")
    for row in found.claims:
        claims = found.method_cards[f"{row.task}/{row.method}"].claims
        claim = next((claim for claim in claims if claim.id == row.id), None)
        if claim is None or row.low is None or row.high is None:
            continue
        ends = range_of_effect(claim.expect, found.task_cards[row.task])
        if not ends.low <= row.low <= row.high <= ends.high:
            wrong.append(f"{row.id} [{row.low:g}, {row.high:g}]")
    assert not wrong


@partial(of_every_run, runs=RUNS)
def test_it_ends_with_few_lines_also_without_unicode(run: Path) -> None:
    """A reader of any run is told how its claims stand and how to read on."""
    text = ending(load_run_module.load_run(run), Looks(80, unicode=False))
    assert text.isascii() or "…" in text
    assert "Published claims: " in text
    assert f"adabench claims {run}" in " ".join(text.split())  # a long path wraps


@of_every_run
def test_answers_are_the_same_wherever_they_stand(run: Path) -> None:
    """In Python, in front of a report, and in the line that a terminal and a page take from."""
    findings = load_run_module.load_run(run)
    found = answers(findings)
    assert {
        address for address, card in findings.method_cards.items() if card.role == "adaptive"
    } == (found.keys())
    for task in shown_points.tasks(findings):
        best = highlights.by_role(findings, task).get("adaptive", [])[:1]
        for row in best:
            answer = found[f"{task}/{row.method}"]
            said = task_answer.plain(task_answer.sentence(findings, task))
            assert said.lower().startswith(f"{answer_word(answer)}: ".lower())
            assert answer_line(answer).startswith(answer_word(answer))
            assert page_line(answer).lower().startswith(f"**{answer.word}**")
            assert all(figure in page_line(answer) for figure in figures_of(answer))
