"""How many units a claim needs, by what those that are there scatter.

A size is enough if it has power 0.9 at the paper's full effect to read `reproduced`, and 0.9 at no effect to
read `not reproduced`. The bar lies between the two, so each thing that must be told (the change, each margin)
is a *distance* on the scale of its interval: from the bar to the nearer of full effect and no effect; from no
change to a limit or a margin; what is worth having where any change is claimed. A size of one look, as
`group_sequential.py` says, grows by 7 % for five.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from adabench.harness.analysis.claims.looks import CASES, TRAININGS, Sample
from adabench.harness.stats.bca import Z975
from adabench.harness.stats.student_t import quantile, t975, tail

POWER = 0.9
MOST_CASES, MOST_BLOCKS = 1_000_000, 1000
"""More than that are no plan."""


class Precision(NamedTuple):
    """One thing that must be told apart: the half-width of its interval now, and the distance."""

    half: float
    distance: float


class SizePlan(NamedTuple):
    """What a claim needs, in the units that its interval rests on."""

    needed: int
    """Cases, trainings or seeds; 0 where no number would do."""
    power: float
    """At the paper's full effect, with the units that are there."""


def size_plan(precisions: Sequence[Precision], sample: Sample) -> SizePlan | None:
    """Return the plan of a claim; None where nothing varies, of one training, or without a distance."""
    known = [one for one in precisions if one.half > 0 and math.isfinite(one.half)]
    if not known or not all(one.distance > 0 for one in known) or not sample.noun:
        return None
    if sample.noun == TRAININGS and sample.size == 1:  # its cases say nothing of a further one
        return None
    if sample.noun == CASES or sample.cases:
        return _of_cases(known, sample)
    return _of_blocks(known, sample)


def _of_cases(known: Sequence[Precision], sample: Sample) -> SizePlan:
    """Plan cases: half-widths shrink with the root of their number."""
    z = float(quantile(POWER, math.inf))
    widest = max(one.half / one.distance for one in known)
    needed = math.ceil(sample.cases * (widest * (Z975 + z) / Z975) ** 2)
    power = 1 - float(tail(Z975 / widest - Z975, math.inf))
    if sample.noun != CASES:  # one seed of a nested task, of which more are to be had
        needed = math.ceil(needed / sample.cases)
    return SizePlan(needed if needed <= MOST_CASES else 0, power)


def _of_blocks(known: Sequence[Precision], sample: Sample) -> SizePlan:
    """Plan trainings or seeds, by Student's t with as many degrees of freedom as they leave."""
    error = max(one.half / one.distance for one in known) / t975(sample.freedom)
    power = 1 - float(tail(1 / error - t975(sample.freedom), float(sample.freedom)))
    spread = error * math.sqrt(sample.size)
    for size in range(2, MOST_BLOCKS + 1):
        if _reach(size) * spread <= math.sqrt(size):
            return SizePlan(size, power)
    return SizePlan(0, power)


@cache
def _reach(size: int) -> float:
    """Return how many errors an effect must have of so many blocks, to be seen with the wanted power."""
    return t975(size - 1) + float(quantile(POWER, size - 1.0))
