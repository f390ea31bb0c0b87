"""Frames of findings hold what the document of `run --json` holds; a front is what nothing beats."""

from dataclasses import replace
from typing import Any

import pytest

from adabench.harness.analysis.findings import Estimate, Findings
from adabench.harness.errors import SelectionError
from adabench.reports.notebook import findings_frames as frames


def test_rows_and_columns_are_those_of_the_document(findings: Findings) -> None:
    document = findings.to_json()
    for name in ("gap", "speedup", "claims"):
        frame = frames.part_frame(findings, name)
        assert len(frame) == len(document[name])
        flat = {column.partition(".")[0] for column in frame.columns}
        assert set(document[name][0]) <= flat, name
    summary = frames.summary_frame(findings)
    assert tuple(summary.columns[:11]) == frames.SUMMARY
    lru = summary.query("task == 'paging' and method == 'lru' and metric == 'faults'")
    assert len(lru) == sum(row["method"] == "lru" for row in document["summary"])
    assert set(lru["conditions.slots"]) >= {100}
    assert summary["point.trust"].dropna().max() == 0.9


def test_nested_parts_are_joined_by_a_dot(findings: Findings) -> None:
    gap = frames.part_frame(findings, "gap").set_index("method")
    assert gap.loc["mark0", "cost_at_equal_quality.estimate"] == -23.4
    assert gap.loc["mark0", "cost_at_equal_quality.unit"] == "%"
    board = frames.part_frame(findings, "scoreboard").fillna(0)
    document = findings.to_json()["scoreboard"]
    assert len(board) == len(document)
    for row in document:
        own = board.set_index("paper_slug").loc[row["paper_slug"]]
        assert own.sum() == sum(row["headline"].values())


def point(findings: Findings, method: str, hits: float, held: float, **conditions: Any) -> Any:
    row = next(r for r in findings.summary if r.method == method and r.conditions["slots"] == 100)
    metrics = {"hit_rate": Estimate(hits, None, None, 9), "slots_held": Estimate(held, 0, 9, 9)}
    return replace(row, metrics=metrics, conditions={**row.conditions, **conditions})


@pytest.fixture
def few(findings: Findings) -> Findings:
    rows = [
        point(findings, "lru", 0.5, 10.0, slots=10),
        point(findings, "fifo", 0.4, 10.0, slots=10),
        point(findings, "lru", 0.7, 100.0),
        point(findings, "fifo", 0.7, 100.0),
        point(findings, "mark0", 0.9, 200.0, slots=200),
        point(findings, "marker", 0.8, 300.0, slots=400),
        point(findings, "belady", 1.0, 10.0, slots=10),
        point(findings, "mark0", 1.0, 1.0, noise=0.5),
    ]
    return replace(findings, summary=rows)


def test_a_front_is_what_nothing_beats_under_one_set_of_conditions(few: Findings) -> None:
    front = frames.front_frame(few)
    found = list(zip(front.method, front.slots_held, strict=True))
    assert found == [("lru", 10.0), ("lru", 100.0), ("fifo", 100.0), ("mark0", 200.0)]
    assert front["hit_rate"].is_monotonic_increasing
    assert front["hit_rate.high"].dtype == "float64"


def test_an_oracle_is_on_a_front_only_where_it_is_wanted(few: Findings) -> None:
    front = frames.front_frame(few, "hit_rate", "slots_held", oracles=True)
    assert front.method.tolist() == ["belady"]


def test_a_front_without_points_says_what_there_is(findings: Findings) -> None:
    with pytest.raises(SelectionError, match="hit_rat") as refused:
        frames.front_frame(findings, "hit_rat", "faults")
    assert "hit_rate" in refused.value.hint
    with pytest.raises(SelectionError, match="No task"):
        frames.front_frame(findings, "accuracy", "faults")


def test_findings_of_nothing_are_empty_frames(findings: Findings) -> None:
    bare = replace(findings, summary=(), gaps=(), speedups=(), claims=())
    assert len(frames.summary_frame(bare)) == 0
    for part in ("gap", "speedup", "claims", "scoreboard"):
        assert len(frames.part_frame(bare, part)) == 0
