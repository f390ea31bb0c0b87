"""What differs has another fingerprint, and what does not has the same."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pytest

from adabench.workloads.shared.counting.fingerprint import fingerprint


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
def test_what_differs_has_another_fingerprint(other: Whole) -> None:
    for timed in (True, False):
        assert fingerprint(other, timed=timed) != fingerprint(WHOLE, timed=timed)


@pytest.mark.parametrize(
    "later", [replace(WHOLE, spent_s=np.ones(2)), replace(WHOLE, part=Part(np.arange(3), 1.0))]
)
def test_times_are_part_of_a_fingerprint_unless_they_are_left_out(later: Whole) -> None:
    assert fingerprint(later) != fingerprint(WHOLE)
    assert fingerprint(later, timed=False) == fingerprint(WHOLE, timed=False)


def test_equal_values_have_one_fingerprint_and_functions_none() -> None:
    numbers = np.arange(6).reshape(2, 3).T
    assert fingerprint((numbers, len)) == fingerprint([numbers.copy(), max])
