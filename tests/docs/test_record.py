"""A run is packed whole, or its findings alone where its records are too many; further runs have names."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adabench.cli.main import app
from adabench.harness.analysis.findings import Estimate, Findings, SummaryRow
from adabench.harness.analysis.load_run import load_run
from adabench.harness.contract import registry
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.papers import papers
from adabench.harness.contract.record import Turn
from adabench.harness.run import condition_check, run_request
from adabench.harness.store import packed_run, run_folder
from docs import record, result_pages
from docs.task_tables import comparison

RECORDED = Path(__file__).parents[2] / "docs" / "recorded" / "ray_paths"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run as `adabench run` leaves it, with a command that names a temporary folder."""
    folder = tmp_path / "temporary" / "r"
    folder.mkdir(parents=True)
    for name in (run_folder.RECORDS, run_folder.MANIFEST):
        (folder / name).write_bytes(packed_run.read_bytes(RECORDED / name))
    return folder


@pytest.mark.parametrize(
    ("most", "kept"),
    [(400_000, ["records.jsonl.gz"]), (10, ["evidence", "findings.json.gz"])],
)
def test_what_is_kept_depends_on_its_size(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, kept: list[str]
) -> None:
    monkeypatch.setattr(record, "MOST_BYTES", most)
    target = tmp_path / "ray_paths"
    target.mkdir()
    (target / "turns.done").touch()  # of an older recording
    size = record.keep(run, target, ("ray_paths/*",))
    assert sorted(path.name for path in target.iterdir()) == [*kept, "run.json.gz"]
    assert size == sum(path.stat().st_size for path in target.rglob("*.gz"))
    findings = load_run(target)
    assert findings.manifest["records_sha256"] == run_folder.digest(run)
    assert findings.manifest["command"] == [
        "adabench", "run", "ray_paths/*", "--no-report", "--out", "docs/recorded/ray_paths",
    ]  # fmt: skip


def test_an_unknown_task_is_refused_before_anything_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["record", "pagin"])
    monkeypatch.setattr(record, "record", lambda task: pytest.fail(f"{task} was run"))
    with pytest.raises(SystemExit, match="pagin is no task and no further run"):
        record.main()


class Planned(Exception):
    """The run would begin now."""


def plan_further(name: str, monkeypatch: pytest.MonkeyPatch) -> list[Turn]:
    """What a further run would run."""
    turns: list[Turn] = []

    def create(out: Path, planned: tuple[Turn, ...], *rest: object) -> None:
        turns.extend(planned)
        raise Planned

    monkeypatch.setattr(run_request, "create_run", create)
    monkeypatch.setattr(condition_check, "check_conditions", lambda turns, out=None: ())
    done = CliRunner().invoke(app, ["run", *record.FURTHER[name], "--no-report"])
    assert isinstance(done.exception, Planned), done.output
    return turns


def test_a_further_run_is_planned_as_its_command_says(monkeypatch: pytest.MonkeyPatch) -> None:
    questions: Counter[object] = Counter()
    for cell in (turn.cell for turn in plan_further("text_band", monkeypatch)):
        questions[cell.method, cell.conditions["level"]] += int(cell.conditions["problems"])
    assert len(questions) == 4 * 2
    assert set(questions.values()) == {200}


def test_adapters_at_equal_seconds_are_mhr_and_dynmole_with_the_rivals_of_their_claims(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cells = [turn.cell for turn in plan_further("adapters_seconds", monkeypatch)]
    assert {cell.conditions["budget"] for cell in cells} == {"seconds"}
    assert {cell.seed for cell in cells} == set(range(5))
    assert {cell.point["rank"] for cell in cells if cell.method == "lora"} == {36}
    assert {cell.method for cell in cells} == {"mhr", "poly", "dynmole", "lora"}


def test_real_texts_are_asked_of_hecto_and_both_homogeneous_mixtures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = Counter(
        (turn.cell.method, turn.cell.conditions["data"])
        for turn in plan_further("classify_text", monkeypatch)
    )
    collections = ("spam", "sentiment", "genre")
    needed = [(m, data) for m in ("hecto", "ffnn_ffnn", "gru_gru") for data in collections]
    assert {asked[each] for each in needed} == {5}


def test_a_further_run_stands_behind_the_tasks_own() -> None:
    own = load_run(RECORDED.with_name("text"))
    rows = [
        replace(row, conditions={**row.conditions, "problems": 40, "level": level})
        for level in ("", "plus-1") for row in own.summary
    ]  # fmt: skip
    further = replace(own, run="docs/recorded/text_band", summary=rows, claims=())
    page = result_pages.task_page("text", [own, further])
    first, second = page.split("## A further run: text_band")
    assert first.count("## Methods at their defaults") == page.count("## The run") == 1
    assert "Conditions: `problems` 40, else as above." in second
    assert "Conditions: `level` plus-1, `problems` 40, else as above." in second
    assert second.count("| `text/majority` | static |") == 2
    alone = result_pages.task_page("text", [further])
    assert "No run of `text` is recorded yet" in alone


def test_a_paper_counts_each_of_its_claims_once_and_further_runs_only_fill_what_was_not_run() -> (
    None
):
    own = load_run(RECORDED.with_name("text"))
    row = next(row for row in own.claims if row.verdict != "not run")
    slug = next(
        name for name in papers()
        if any(e.address == f"{row.task}/{row.method}" for e in result_pages._entries(name))
    )  # fmt: skip
    missing = replace(row, verdict="not run")
    other = replace(row, verdict="violated")
    further = replace(own, run="docs/recorded/text_band", claims=(other,))

    def verdicts(*runs: Findings) -> list[str]:
        found = result_pages._claims_of(slug, runs)
        return [each.verdict for each in found if each.id == row.id]

    assert verdicts(further, replace(own, claims=(row,))) == [row.verdict]
    assert verdicts(further, replace(own, claims=(missing,))) == ["violated"]
    assert verdicts(replace(own, claims=(missing,))) == ["not run"]
    more = replace(further, run=f"docs/recorded/{record.MORE_TRAININGS[0]}")
    assert verdicts(replace(own, claims=(row,)), more) == ["violated"]


def test_the_index_of_tasks_counts_each_claim_once() -> None:
    own = load_run(RECORDED.with_name("text"))
    further = replace(own, run="docs/recorded/text_band")
    assert result_pages.task_index([own, further]) == result_pages.task_index([own])


def test_many_seeds_are_written_as_a_range_if_none_is_left_out() -> None:
    assert result_pages._seeds((0, 1, 2)) == "0, 1, 2"
    assert result_pages._seeds(tuple(range(40))) == "0 to 39"
    assert result_pages._seeds((0, 1, 2, 3, 4, 6)) == "0, 1, 2, 3, 4, 6"


def test_methods_stand_side_by_side_by_what_their_task_names() -> None:
    card = Card(
        "Toy",
        metrics=(
            Metric("held_bytes", "B", "lower", "cost"),
            Metric("right", "", "higher", "quality"),
        ),
        comparison=("right", "held_bytes", "latency_s"),
    )
    values = {
        "right": Estimate(0.5, 0.25, 0.75, 4),
        "held_bytes": Estimate(2048.0, None, None, 4),
        "other": Estimate(1.0, None, None, 4),
    }
    row = SummaryRow("text", "majority", {}, {}, values)
    found = comparison(card, [(registry.find("text/majority"), row)])
    assert found[-1].splitlines() == [
        "| method | `right`, higher is better | `held_bytes`, lower is better | `latency_s`, lower is better |",
        "|---|---|---|---|",
        "| `text/majority` | 0.500 | 2.00 KiB | – |",
    ]
    assert comparison(replace(card, comparison=()), [(registry.find("text/majority"), row)]) == []
