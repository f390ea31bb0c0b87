"""Looks that a run planned: what its manifest may say of them, and what it may not."""

import json
from dataclasses import replace

import pytest

from adabench.harness.analysis.analyse import analyse
from adabench.harness.contract.card import Card, Claim, Difference, Metric
from adabench.harness.contract.record import Cell, Record
from adabench.harness.errors import StoreError
from adabench.harness.store import run_folder

TASK = Card("Toy", metrics=(Metric("score", "points", "higher", "quality", primary=True),))
CLAIM = Claim("l-1", "It gains.", "own", "ours", 1.0, Difference("score", "old"))
METHODS = {"toy/old": Card("Old", role="static"), "toy/new": Card("New", claims=(CLAIM,))}
GAINS = (0.2, 0.9, 1.6, 0.7, 1.3, 0.1, 1.9, 0.9, 0.8, 1.4)


def row(**looks):
    records = [
        Record(Cell("toy", name, {}, {}, "embedded", seed), "solve", 0, 0, "ok", {"score": score})
        for seed, gain in enumerate(GAINS)
        for name, score in (("old", 0.0), ("new", gain))
    ]
    return next(r for r in findings_of(looks, records).claims if r.id == "l-1")


def findings_of(looks, records):
    manifest = {"looks": looks} if looks else {}
    return analyse("", manifest, {"toy": TASK}, METHODS, records)


WORK = Metric("work", "steps", "lower", "work", primary=True)


def look(widening, last_seed=9):
    return {"widening": widening, "last_seed": last_seed}


def test_a_planned_look_of_many_seeds_is_held_to_its_own_bound():
    assert row().verdict == "direction only", "ten seeds that nobody planned are a later look"
    assert row(**{"l-1": look(1.0)}).verdict == "reproduced"
    assert row(**{"l-1": look(1.4)}).verdict == "direction only"


def test_a_run_whose_cells_have_unlike_sizes_has_no_gap():
    """A claim takes as many seeds as it needs; between methods of unlike seeds there is none."""
    values = {"score": 1.0, "work": 2.0}
    records = [
        Record(Cell("toy", name, {}, {}, "embedded", seed), "solve", 0, 0, "ok", values)
        for name, seeds in (("old", 9), ("new", 3)) for seed in range(seeds)
    ]  # fmt: skip
    card = replace(TASK, metrics=(*TASK.metrics, WORK))
    plain, decided = (
        analyse("", manifest, {"toy": card}, METHODS, records)
        for manifest in ({}, {"looks": {"l-1": look(1.0)}})
    )
    assert plain.gaps
    assert (decided.gaps, decided.speedups) == ((), ())
    assert len(decided.summary) == 2


def test_a_claim_is_judged_by_the_seeds_that_were_there():
    assert row(**{"l-1": look(1.0, last_seed=5)}).n == 6


def test_no_look_makes_an_interval_narrower_than_one_look():
    for widening in (0.0, 0.5, -1.0):
        narrow, honest = row(**{"l-1": look(widening)}), row(**{"l-1": look(1.0)})
        assert (narrow.verdict, narrow.p_value) == (honest.verdict, honest.p_value)


@pytest.mark.parametrize("looks", [{"l-1": 3}, {"l-1": [1.0, 4]}, {"l-1": {"widening": "x"}}, [1]])
def test_looks_that_are_none_are_damage_and_are_named(tmp_path, looks):
    with run_folder.create(tmp_path, (), {}):
        pass
    path = tmp_path / run_folder.MANIFEST
    document = json.loads(path.read_text()) | {"looks": looks}
    document.pop("seal", None)
    path.write_text(json.dumps(document))
    with pytest.raises(StoreError):
        run_folder.read_manifest(tmp_path)
