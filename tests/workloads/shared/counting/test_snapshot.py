"""What differs has another snapshot, and what does not has an equal one, also of what was changed since."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pytest

from adabench.workloads.shared.counting.random_streams import read_only
from adabench.workloads.shared.counting.snapshot import equal, snapshot


class Part(NamedTuple):
    numbers: Any
    wait_s: float = 0.0


@dataclass(frozen=True)
class Whole:
    part: Part
    losses: Any
    spent_s: Any = 0.0


WHOLE = Whole(Part(np.arange(3)), {1: (0.5, 0.25)})


@pytest.mark.parametrize(
    "other",
    [
        replace(WHOLE, part=Part(np.array([0, 1, 3]))),
        replace(WHOLE, part=Part(np.arange(3.0))),
        replace(WHOLE, part=Part(np.arange(3)[:, None])),
        replace(WHOLE, part=Part(np.arange(4))),
        replace(WHOLE, losses={1: (0.25, 0.5)}),
        replace(WHOLE, losses={2: (0.5, 0.25)}),
        replace(WHOLE, losses=None),
    ],
)
def test_what_differs_has_another_snapshot(other: Whole) -> None:
    for timed in (True, False):
        assert not equal(snapshot(other), snapshot(WHOLE), timed=timed)


@pytest.mark.parametrize(
    "later", [replace(WHOLE, spent_s=np.ones(2)), replace(WHOLE, part=Part(np.arange(3), 1.0))]
)
def test_times_are_compared_unless_they_are_left_out(later: Whole) -> None:
    assert not equal(snapshot(later), snapshot(WHOLE))
    assert equal(snapshot(later), snapshot(WHOLE), timed=False)


def test_equal_values_have_equal_snapshots_and_functions_hold_nothing() -> None:
    numbers = np.arange(6).reshape(2, 3).T
    one, other = (numbers, len, float("nan"), np.float32(2)), [numbers.copy(), max, float("nan")]
    assert equal(snapshot(one), snapshot([*other, np.float32(2)]))
    assert not equal(snapshot(one), snapshot([*other, np.float32(3)]))
    assert not equal(snapshot(1), snapshot(True))
    assert not equal(snapshot([1]), snapshot([1, 2]))


def test_a_snapshot_stays_as_it_was_taken() -> None:
    numbers, losses = np.arange(3), {1: [0.5]}
    before = snapshot(Whole(Part(numbers), losses))
    numbers[0], losses[1][0] = 7, 0.75
    assert equal(before, snapshot(Whole(Part(np.arange(3)), {1: [0.5]})))
    frozen = read_only(np.arange(6)).reshape(2, 3).T
    assert snapshot(frozen) is frozen, "what nobody can change is not copied"
    assert snapshot(numbers) is not numbers
