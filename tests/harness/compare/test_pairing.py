"""Pairs of two tables: the same cell, seed, case and repeat, and what has no partner."""

import random
from collections.abc import Mapping

import numpy as np
import pytest

from adabench.harness.compare.pairing import (
    MetricPairs,
    count_other_instances,
    matches,
    pairs_of,
    unmatched_cells,
)
from adabench.harness.contract.record import Cell, Record
from adabench.harness.store.table import Table, from_records


def pair(a: Table, b: Table, metrics: list[str]) -> list[MetricPairs]:
    """Every metric of every operating point that both hold."""
    both = [name for name in metrics if name in a.columns and name in b.columns]
    every = (pairs_of(m, n, a.columns[n], b.columns[n]) for m in matches(a, b) for n in both)
    return [found for found in every if len(found.a)]


def cell(method: str = "m", seed: int = 0, **point: float) -> Cell:
    return Cell("roots", method, point, {"spread": 4.0}, "embedded", seed)


def record(own: Cell, case: int, values: Mapping[str, float], repeat: int = 0) -> Record:
    return Record(own, "solve", case, repeat, "ok", values)


def table(*records: Record) -> Table:
    return from_records(records)


def test_rows_meet_by_seed_case_and_repeat_whatever_their_order() -> None:
    a = [record(cell(seed=s), c, {"x": 100.0 * s + 10 * c + r}, r)
         for s in (0, 1) for c in (0, 1, 2) for r in (0, 1)]  # fmt: skip
    b = [Record(x.cell, "solve", x.case, x.repeat, "ok", {"x": x.values["x"] + 0.5}) for x in a]
    random.Random(1).shuffle(b)
    (found,) = pair(table(*a), table(*b), ["x"])
    assert found.cell.seed == 0
    assert np.all(found.b - found.a == 0.5)
    assert found.seed.tolist() == [0] * 6 + [1] * 6
    assert found.case.tolist() == [0, 0, 1, 1, 2, 2] * 2
    assert found.block.tolist() == [0, 1] * 6


def test_what_has_no_partner_drops_out_and_is_counted() -> None:
    a = table(*(record(cell(), case, {"x": 1.0}) for case in (0, 1, 2, 5)))
    b = table(*(record(cell(), case, {"x": 2.0}) for case in (1, 2, 3)))
    (found,) = matches(a, b)
    assert found.case.tolist() == [1, 2]
    assert (found.missing_a, found.missing_b) == (1, 2)


def test_a_value_that_one_side_lacks_is_no_pair() -> None:
    a = table(record(cell(), 0, {"x": 1.0, "y": 1.0}), record(cell(), 1, {"x": 1.0}))
    b = table(record(cell(), 0, {"x": 1.0, "y": 3.0}), record(cell(), 1, {"x": 1.0, "y": 4.0}))
    found = {item.metric: item.b.tolist() for item in pair(a, b, ["x", "y", "z"])}
    assert found == {"x": [1.0, 1.0], "y": [3.0]}


def test_points_and_seeds_of_one_run_only_are_named() -> None:
    a = table(*(record(own, 0, {"x": 1.0}) for own in (cell(), cell(seed=1), cell(k=1.0))))
    b = table(*(record(own, 0, {"x": 1.0}) for own in (cell(), cell(seed=2), cell("other"))))
    alone = unmatched_cells(a, b)
    assert {(c.method, c.seed, *c.point) for c in alone.a} == {("m", 1), ("m", 0, "k")}
    assert {(c.method, c.seed) for c in alone.b} == {("m", 2), ("other", 0)}
    assert [match.cell for match in matches(a, b)] == [cell()]


def test_a_knob_of_one_and_of_one_point_nought_is_the_same_point() -> None:
    a, b = table(record(cell(k=1), 0, {"x": 1.0})), table(record(cell(k=1.0), 0, {"x": 2.0}))
    assert len(pair(a, b, ["x"])) == 1


def test_no_common_case_leaves_an_empty_match() -> None:
    a, b = table(record(cell(), 0, {"x": 1.0})), table(record(cell(), 1, {"x": 1.0}))
    (found,) = matches(a, b)
    assert len(found.a) == 0
    assert pair(a, b, ["x"]) == []


def test_other_instances_are_counted_where_both_tell() -> None:
    a = table(*(record(cell(), c, {"x": 1.0, "instance": 10.0 + c}) for c in range(3)))
    b = table(
        record(cell(), 0, {"x": 1.0, "instance": 10.0}),
        record(cell(), 1, {"x": 1.0, "instance": 99.0}),
        record(cell(), 2, {"x": 1.0}),
    )
    (found,) = matches(a, b)
    assert count_other_instances(found, a, b) == 1
    assert count_other_instances(found, a, table(record(cell(), 0, {"x": 1.0}))) == 0


@pytest.mark.parametrize("seed", range(20))
def test_columns_pair_as_a_dictionary_would(seed: int) -> None:
    rng = random.Random(seed)
    sides = []
    for _ in range(2):
        held = {
            (rng.choice("pq"), rng.choice((0, 3, 7)), rng.randrange(5), rng.randrange(3))
            for _ in range(rng.randrange(1, 60))
        }
        sides.append({key: rng.random() for key in held})
    tables = [
        table(*(record(cell(m, s), c, {"x": x}, r) for (m, s, c, r), x in side.items()))
        for side in sides
    ]
    found = {
        (item.cell.method, int(s), int(c), int(r)): (float(a), float(b))
        for item in pair(tables[0], tables[1], ["x"])
        for s, c, r, a, b in zip(item.seed, item.case, item.block, item.a, item.b, strict=True)
    }
    common = sides[0].keys() & sides[1].keys()
    assert found == {key: (sides[0][key], sides[1][key]) for key in common}
