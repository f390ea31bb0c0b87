"""Rows on claims that earlier rules gave stay readable, and say so."""

from dataclasses import asdict
from pathlib import Path

import pytest

from adabench.harness.analysis.earlier_claims import claim_row
from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.analysis.load_run import load_run
from adabench.harness.store import run_folder

RECORDED = Path(__file__).parents[3] / "docs" / "recorded"
EARLIER = {
    "id": "BK-1", "task": "stragglers", "method": "backup_tasks", "verdict": "reproduced",
    "estimate": 0.64, "low": 0.63, "high": 0.65, "threshold": 1.0, "n": 36, "reason": "so it is",
    "says": "Backups take less time.", "paper": "44 % more without", "fidelity": "special-case",
}  # fmt: skip


def test_a_row_of_today_is_read_as_it_was_written():
    row = ClaimRow("A", "toy", "new", "reproduced", 1.0, 0.5, 1.5, 0.4, 20, trainings=5,
                   source="headline", met_by=("coin",))  # fmt: skip
    assert claim_row(asdict(row)) == row
    assert claim_row(asdict(row) | {"met_by": ["coin"]}) == row


def test_a_verdict_of_before_is_no_verdict_of_today():
    row = claim_row(EARLIER)
    assert (row.verdict, row.bar, row.estimate, row.source) == ("undecided", None, 0.64, "")
    assert row.reason == (
        "judged by the rules of before: reproduced, against a limit of 1; so it is"
    )


@pytest.mark.parametrize("word", ["undecided", "not testable here"])
def test_what_was_not_decided_before_reads_as_it_did(word):
    row = claim_row(EARLIER | {"verdict": word})
    assert row.verdict == word
    assert f"the rules of before: {word};" in row.reason


def test_a_damaged_row_is_refused():
    with pytest.raises(TypeError):
        claim_row({"id": "A"})


@pytest.mark.parametrize(
    "folder", [f for f in sorted(RECORDED.iterdir()) if run_folder.has_only_findings(f)],
    ids=lambda folder: folder.name,
)  # fmt: skip
def test_recorded_runs_without_records_open(folder):
    rows = load_run(folder).claims
    assert rows
    assert all(row.verdict != "reproduced" or "rules of before" not in row.reason for row in rows)
