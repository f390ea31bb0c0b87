"""Merging: parts of one plan and nothing else, each unit once, the same however often it is done."""

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.distributed.merge import merge
from adabench.harness.errors import SelectionError, StoreError
from adabench.harness.provenance import environment
from adabench.harness.store import run_folder

CELLS = [Cell("t", name, {"width": 2}, {}, "embedded", seed) for seed in (0, 1) for name in "ab"]
TURNS = tuple(Turn(cell, repeat) for cell in CELLS for repeat in (0, 1))
CASES = 3


def solved(turn: Turn, cases: Sequence[int] = range(CASES), **values: float) -> list[Record]:
    return [
        Record(
            turn.cell, "solve", case, turn.repeat, "ok", {"steps": case, "latency_s": 1} | values
        )
        for case in cases
    ]


def run(
    folder: Path,
    records: Sequence[Record],
    turns: Sequence[Turn] = TURNS,
    *,
    whole: Sequence[Turn] | None = None,
    cut: bool = False,
    **manifest: Any,
) -> Path:
    """Write a run; `cut` leaves its last turn unfinished, as a kill does."""
    usual = {
        "environment": {"cpu_model": "x"} | dict.fromkeys(environment.CHECKED[4:]),
        "sources": {"t/a": "1"}, "started": "2026-01-01",
    } | manifest  # fmt: skip
    if whole:
        keys = {turn.cell.key: turn.cell.to_json() for turn in whole}
        usual["whole"] = {"cells": keys, "turns": [[t.cell.key, t.repeat] for t in whole]}
    journal = run_folder.create(folder, turns, usual)
    for record in records:
        journal.append(record)
    if cut:
        journal.close()
    else:
        journal.__exit__(None, None, None)
    return folder


def everything() -> list[Record]:
    return [record for turn in TURNS for record in solved(turn)]


def shards(folder: Path) -> list[Path]:
    return [
        run(folder / str(seed), [r for t in turns for r in solved(t)], turns, whole=TURNS)
        for seed in (0, 1)
        if (turns := [turn for turn in TURNS if turn.cell.seed == seed])
    ]


def test_shards_become_the_run_that_one_process_would_have_written(tmp_path: Path):
    parts = shards(tmp_path)
    found = merge(parts, tmp_path / "m")
    assert (found.records, found.added, found.collapsed, found.unfinished) == (24, 24, 0, 0)
    assert run_folder.records(tmp_path / "m") == everything()
    assert run_folder.read_plan(run_folder.read_manifest(tmp_path / "m")) == TURNS
    assert "whole" not in run_folder.read_manifest(tmp_path / "m")


def test_the_order_of_the_parts_says_nothing(tmp_path: Path):
    parts = shards(tmp_path)
    merge(parts, tmp_path / "m")
    merge(parts[::-1], tmp_path / "n")
    a, b = (tmp_path / name / run_folder.RECORDS for name in "mn")
    assert a.read_bytes() == b.read_bytes()


def test_merging_again_changes_nothing(tmp_path: Path):
    parts = shards(tmp_path)
    merge(parts, tmp_path / "m")
    before = (tmp_path / "m" / run_folder.RECORDS).read_bytes()
    again = merge([*parts, tmp_path / "m"], tmp_path / "m")
    assert (again.added, again.collapsed) == (0, 24)
    assert (tmp_path / "m" / run_folder.RECORDS).read_bytes() == before


def test_a_part_may_come_later(tmp_path: Path):
    first, second = shards(tmp_path)
    half = merge([first], tmp_path / "m")
    assert (half.records, half.unfinished) == (12, 4)
    assert merge([second], tmp_path / "m").unfinished == 0
    assert run_folder.records(tmp_path / "m") == everything()


def test_of_duplicates_the_ok_one_stays_and_unlike_counts_are_told(tmp_path: Path):
    failed = Record(CELLS[0], "solve", 1, 0, "error", {}, "no")
    a = run(tmp_path / "a", [*solved(TURNS[0], [0]), failed], cut=True)
    b = run(tmp_path / "b", solved(TURNS[0], steps=7.0, latency_s=2), started="2026-01-02")
    found = merge([b, a], tmp_path / "m")
    kept = {r.case: (r.status, r.values["steps"]) for r in run_folder.records(tmp_path / "m")}
    assert kept == {0: ("ok", 0), 1: ("ok", 7), 2: ("ok", 7)}  # a is the older
    assert (found.collapsed, found.differing) == (2, 1)


def test_other_timings_are_no_difference(tmp_path: Path):
    a = run(tmp_path / "a", solved(TURNS[0]))
    b = run(tmp_path / "b", solved(TURNS[0], latency_s=9, loops=4))
    assert merge([a, b], tmp_path / "m").differing == 0


def test_a_turn_that_nobody_finished_is_left_open(tmp_path: Path):
    a = run(tmp_path / "a", [*solved(TURNS[0]), *solved(TURNS[1], [0])], cut=True)
    b = run(tmp_path / "b", [*solved(TURNS[3]), *solved(TURNS[2], [0, 1])], cut=True)
    found = merge([a, b], tmp_path / "m")
    assert found.records == 9
    with closing(run_folder.resume(tmp_path / "m")) as journal:
        left = journal.remaining
    assert left == tuple(turn for turn in TURNS if turn not in (TURNS[0], TURNS[3]))
    assert found.unfinished == len(left)


def test_preparations_and_tracebacks_come_along(tmp_path: Path):
    prepared = Record(CELLS[0], "prepare", -1, 0, "ok", {"latency_s": 3.0})
    failed = Record(CELLS[0], "solve", 2, 0, "error", {}, "ValueError: x\nTraceback ...")
    a = run(tmp_path / "a", [prepared, *solved(TURNS[0], [0, 1]), failed])
    merge([a], tmp_path / "m")
    found = run_folder.records(tmp_path / "m")
    assert [record.phase for record in found] == ["prepare", "solve", "solve", "solve"]
    assert [x.read_text() for x in (tmp_path / "m" / "errors").iterdir()] == ["Traceback ...\n"]


MIXED = {
    "plan": (
        {"turns": TURNS[:4]},
        r"plan \(configurations in the first alone: 2, in the second: 0",
    ),
    "source": ({"sources": {"t/a": "2"}}, "source of t/a"),
    "machine": ({"environment": {"cpu_model": "y"}}, r"cpu_model \(x and y\)"),
    "precision": ({"asked": {"precision": 0.01}}, r"precision \(None and 0.01\)"),
    "profile": ({"profile": {"file": "h100"}}, "hardware profile"),
}


@pytest.mark.parametrize("kind", MIXED)
def test_what_is_not_of_one_run_is_refused_and_named(kind: str, tmp_path: Path):
    changed, says = MIXED[kind]
    a = run(tmp_path / "a", solved(TURNS[0]))
    b = run(tmp_path / "b", solved(TURNS[1]), **changed)
    with pytest.raises(StoreError, match=says):
        merge([a, b], tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_every_difference_is_named_at_once(tmp_path: Path):
    a = run(tmp_path / "a", solved(TURNS[0]))
    b = run(tmp_path / "b", solved(TURNS[1]), sources={"t/a": "2"}, profile={"file": "h"})
    with pytest.raises(StoreError, match="source of t/a, hardware profile"):
        merge([a, b], tmp_path / "m")


def test_a_result_of_another_plan_is_not_written_into(tmp_path: Path):
    merge(shards(tmp_path), tmp_path / "m")
    before = (tmp_path / "m" / run_folder.RECORDS).read_bytes()
    other = run(tmp_path / "o", solved(TURNS[0]), TURNS[:2])
    with pytest.raises(StoreError, match="plan"):
        merge([other], tmp_path / "m")
    assert (tmp_path / "m" / run_folder.RECORDS).read_bytes() == before


def test_nothing_to_merge_is_an_error_of_use(tmp_path: Path):
    with pytest.raises(SelectionError):
        merge([], tmp_path / "m")
    with pytest.raises(StoreError, match="not a run"):
        merge([tmp_path / "none"], tmp_path / "m")


def test_a_run_that_is_being_written_is_refused(tmp_path: Path):
    (part, *_) = shards(tmp_path)
    with (
        closing(run_folder.resume(part)),
        pytest.raises(StoreError, match="being written"),
    ):
        merge([part], tmp_path / "m")


def test_a_json_number_of_a_plan_is_compared_by_value(tmp_path: Path):
    a = run(tmp_path / "a", solved(TURNS[0]))
    manifest = json.loads((a / run_folder.MANIFEST).read_text())
    (tmp_path / "b").mkdir()
    b = run(tmp_path / "b", solved(TURNS[1]))
    (b / run_folder.MANIFEST).write_text(json.dumps(manifest, sort_keys=True, indent=3))
    assert merge([a, b], tmp_path / "m").records == 6


def test_a_race_is_no_part(tmp_path: Path):
    """Its certificate speaks of its own samples, so not even two of equal budget are joined."""
    records = [record for turn in TURNS for record in solved(turn)]
    raced = {"asked": {"race_s": 60.0, "epsilon": 0.02}}
    parts = [run(tmp_path / name, records, **raced) for name in "ab"]
    with pytest.raises(StoreError, match="certificate holds for those samples alone"):
        merge(parts, tmp_path / "m")
    assert not (tmp_path / "m").exists()
