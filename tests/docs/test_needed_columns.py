"""A reproduction that is kept has the columns of its claims, and the same verdicts with them."""

from dataclasses import replace
from pathlib import Path

import pytest

from adabench.harness.analysis import findings_file
from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.analysis.load_run import load_run
from adabench.harness.contract.papers import papers
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.store import packed_run, run_folder
from docs import record as recording
from docs.needed_columns import needed_names, write_needed

RECORDED = Path(__file__).parents[2] / "docs" / "recorded" / "replanning"
CELL = Cell("chain", "ets", {"N": 16}, {}, "embedded", 0)
VALUES = {"accuracy": 1.0, "kv_before": 3.0, "flops_counted": 2.0, "prefilled": 7.0}


def test_what_claims_and_plots_need_stays_and_nothing_else(tmp_path: Path) -> None:
    claims = papers()["ets"].claims["chain/ets"]
    names = needed_names(claims, ("chain",))
    turn = Turn(CELL, 0, True)
    records = [
        Record(CELL, "solve", 0, 0, "ok", VALUES, group="d4", trained={"lm": "a"}),
        Record(CELL, "solve", 1, 0, "error", {}, "ValueError: no"),
    ]
    with run_folder.create(tmp_path / "whole", (turn,), {"command": ["adabench"]}) as run:
        for record in records:
            run.append(record)
        run.end_turn(turn)
    write_needed(tmp_path / "whole", tmp_path / "thin", names)
    first, second = run_folder.records(tmp_path / "thin")
    assert dict(first.values) == {name: VALUES[name] for name in VALUES if name != "prefilled"}
    assert (first.group, dict(first.trained)) == ("d4", {"lm": "a"})
    assert (second.status, second.note) == ("error", "ValueError: no")
    about = [run_folder.read_manifest(tmp_path / name) for name in ("whole", "thin")]
    assert about[0] == about[1]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A recorded run as `adabench run` leaves it: its claims are about counts and about times."""
    for name in (run_folder.RECORDS, run_folder.MANIFEST):
        (tmp_path / name).write_bytes(packed_run.read_bytes(RECORDED / name))
    return tmp_path


def verdicts(rows: tuple[ClaimRow, ...]) -> list[tuple[object, ...]]:
    return [(r.task, r.method, r.id, r.verdict, r.estimate, r.low, r.high, r.reason) for r in rows]


def test_findings_are_judged_from_the_evidence_beside_them(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MOST_BYTES", 10)
    target = tmp_path / "replanning"
    recording.keep(run, target, ("replanning/*",))
    assert run_folder.has_only_findings(target)
    whole, kept = load_run(run), load_run(target)
    assert verdicts(kept.claims) == verdicts(whole.claims)
    assert kept.summary == whole.summary
    flipped = replace(whole, claims=tuple(replace(r, verdict="reproduced") for r in whole.claims))
    findings_file.write(flipped, run, target)
    assert verdicts(load_run(target).claims) == verdicts(whole.claims)
