"""How often one may look: the units behind an interval, its ends at a later look, and advice.

Who reads `undecided` runs more and looks again, and each look is a chance to be wrong. So the interval
of a first look (up to `FIRST` units, of pooled cases up to so many seeds) is one of 95 %, and of every later
one it is moved out by `LATER`. Advice asks for twice as many units at least, and for more than a first look has: whoever
follows it never looks twice at the first level. What that amounts to is simulated
(`benchmarks/verdict_errors.py`, the table in `docs/statistics.md`).

A run that planned its looks (`harness/decision`) says how far out the ends of each lie, and this rule is not used.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from adabench.harness.analysis.replicates import ReplicateList
from adabench.harness.stats.bca import Z975
from adabench.harness.stats.intervals import FloatArray, Interval
from adabench.harness.stats.student_t import quantile

FIRST = 5
"""Units (trainings, else seeds) of a first look at the most."""
LATER = 1.4
"""How much further out the ends of a later look lie: one-sided 0.3 % in place of 2.5 %."""
TRAININGS, CASES = "trainings", "cases"
MANY = 1000
"""More units than that are no advice."""
MANY_CASES = 100_000
"""More cases than that are no advice."""


class Sample(NamedTuple):
    """The independent units that an interval rests on."""

    size: int
    noun: str
    """What more of can be had: trainings, seeds or cases; empty of a fixed list."""
    cases: int = 0
    """How many cases the one unit has, where there is but one and its cases were resampled."""
    recipes: int = 5
    """Trainings that there are recipes for: more cannot be had."""
    seeds: int = 1
    """How many seeds drew the cases."""
    look: float | None = None
    """How much further out the ends of a planned look lie; None: by how many units there are."""

    @property
    def looks_again(self) -> bool:
        """Whether there are more units, or more seeds of pooled cases, than a first look has."""
        return (self.seeds if self.noun == CASES else self.size) > FIRST

    @property
    def widening(self) -> float:
        """How much further out than those of 95 % the ends lie."""
        if self.look is not None:
            return self.look
        return LATER if self.looks_again else 1.0

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the interval."""
        return max((self.cases or self.size) - 1, 1)


def sample_of(places: ReplicateList) -> Sample:
    """Return what was replicated: cases, trainings where there are any, else seeds."""
    recipes, seeds, look = places.where.recipes, places.seeds, places.where.look
    if places.where.over == CASES:
        more = "" if places.fixed else CASES
        return Sample(1, more, places.cases, recipes, seeds, look)
    size = places.clusters
    noun = TRAININGS if places.trainings else "seeds"
    cases = len(places) if size == 1 else 0
    return Sample(size, noun, cases, recipes, seeds, look)


def wider(interval: Interval, sample: Sample) -> Interval:
    """Move the ends of an interval out where it cannot be that of a first look."""
    if sample.widening == 1.0 or interval.low is None or interval.high is None:
        return interval
    center = interval.estimate
    low, high = (center + sample.widening * (end - center) for end in (interval.low, interval.high))
    return Interval(center, low, high)


def level(sample: Sample) -> float:
    """Return the two-sided level of a test at this look."""
    return math.erfc(Z975 * sample.widening / math.sqrt(2))


def advised(distance: float, half: float, sample: Sample) -> int | None:
    """Return how many units in all should settle it, or None where no reasonable number would.

    Args:
        distance: from the estimate to the value that the interval must exclude.
        half: the half-width of the interval at this look.
        sample: what there is now.
    """
    if distance <= 0 or not math.isfinite(half):
        return None
    least = max(2 * sample.size, FIRST + 1)
    if sample.cases:  # a seed more is as many cases more
        now = _reach(np.array([float(sample.cases)]))[0]
        at = _reach(np.arange(1, MANY + 1, dtype=np.float64) * sample.cases)
    else:
        now = _reach(np.array([float(sample.size)]))[0]
        at = _all_reaches()
    grown = 1.0 if sample.looks_again else LATER
    enough = np.flatnonzero(half * grown * at / now <= distance) + 1
    return max(int(enough[0]), least) if len(enough) and least <= MANY else None


def _reach(units: FloatArray) -> FloatArray:
    """Return the half-width of an interval over so many units of spread 1."""
    return np.asarray(quantile(0.975, np.maximum(units - 1, 1.0)) / np.sqrt(units), np.float64)


@lru_cache(maxsize=1)
def _all_reaches() -> FloatArray:
    return _reach(np.arange(1, MANY + 1, dtype=np.float64))


class Advice(NamedTuple):
    """What to run next: how many units in all, 0 where no number would tell; and in words."""

    units: int
    words: str


def more_units(distance: float, half: float, sample: Sample) -> Advice:
    """Say roughly how many units more would settle it."""
    if not sample.noun:
        return Advice(0, "a fixed list of cases is all there is")
    if sample.noun == CASES:
        return _more_cases(distance, half, sample)
    total = advised(distance, half, sample)
    if total is None:
        return Advice(0, f"too near the limit for more {sample.noun} to settle it")
    words = f"about {total - sample.size} more {sample.noun}"
    if sample.noun == TRAININGS and total > sample.recipes:
        words = f"it takes about {total} trainings, and there are recipes for {sample.recipes}"
    return Advice(total, f"the interval is too wide: {words}")


def _more_cases(distance: float, half: float, sample: Sample) -> Advice:
    """Say how many independent cases more would settle it: twice as many as there are at least."""
    wanted = math.inf
    grown = 1.0 if sample.looks_again else LATER
    if distance > 0 and math.isfinite(half):
        wanted = sample.cases * max((half * grown / distance) ** 2, 2.0)
    if wanted > MANY_CASES:
        return Advice(0, "too near the limit for more cases to settle it")
    seeds = max(math.ceil(sample.seeds * wanted / sample.cases), FIRST + 1)
    more = math.ceil(sample.cases * seeds / sample.seeds) - sample.cases
    return Advice(seeds, f"the interval is too wide: about {more} more cases, {seeds} seeds in all")
