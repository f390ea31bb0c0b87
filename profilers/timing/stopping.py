"""How long to measure: until the median is known as well as was asked, or the budget is spent.

The half-width is that of a 95 % interval of the **median**, relative to it, from order
statistics: it assumes no distribution, so a heavy tail cannot fool it. Blocks follow each other
in time and are not independent (heat, a neighbour), so the interval is widened by the lag-one
autocorrelation of the ranks, as for a process of first order. See `docs/log/instruments.md`.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from statistics import NormalDist, median
from time import perf_counter_ns
from typing import Any, Literal

from adabench.profilers.timing.disturbance import KEEP_SHARE, Samples, Watch

Reason = Literal["precision reached", "budget spent", "disturbed"]

_Z975 = NormalDist().inv_cdf(0.975)
GROWTH = 1.25
EXACT = 60
"""Up to so many blocks the binomial is summed; beyond it is normal."""


@dataclass(frozen=True)
class Target:
    """What is asked for, and what may be spent on it."""

    half_width: float = 0.01
    """Of the 95 % interval, relative to the median."""
    budget_s: float = 5.0
    """For one case, timing alone."""
    least: int = 10
    """Blocks before the first look."""


class Rule:
    """Decides after every block; `reason` is None as long as it goes on."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.half_width = math.inf
        """What the last look saw."""
        self._next = target.least
        self._met = False

    def after(
        self, medians: Sequence[float], spent_s: float, *, enough_kept: bool = True
    ) -> Reason | None:
        """Look at the medians of the blocks so far; return the reason to stop, or None."""
        if spent_s >= self.target.budget_s:
            self.half_width = half_width(medians)
            if self.half_width <= self.target.half_width and enough_kept:
                return "precision reached"
            return "budget spent" if enough_kept else "disturbed"
        if len(medians) < self._next:
            return None
        self._next = max(len(medians) + 1, math.ceil(len(medians) * GROWTH))
        self.half_width = half_width(medians)
        before, self._met = self._met, self.half_width <= self.target.half_width
        return "precision reached" if before and self._met and enough_kept else None


@dataclass(frozen=True)
class Collection:
    """What was measured, and why it ended."""

    samples: Samples
    answer: Any
    reason: Reason | None = None
    """None where no target was set: one block, whatever it gave."""
    half_width: float = math.inf

    def values(self) -> dict[str, float]:
        """Return the times, and the half-width (a fraction) where it was asked for and known."""
        known = self.reason is not None and math.isfinite(self.half_width)
        return self.samples.values() | ({"latency_half_width": self.half_width} if known else {})


def collect(
    call: Callable[[], Any],
    loops: int,
    per_sample: int,
    watch: Watch,
    target: Target | None = None,
    keep_share: float = KEEP_SHARE,
) -> Collection:
    """Time one block of `loops` laps, or blocks until the target's rule says stop.

    A block of which nothing was kept adds no median but does use up the budget.
    """
    samples, medians, start_ns = Samples(), [], perf_counter_ns()
    if target is None:
        _, answer = watch.take(call, loops, per_sample, samples)
        return Collection(samples, answer)
    rule = Rule(target)
    while True:
        kept, answer = watch.take(call, loops, per_sample, samples)
        if kept:
            medians.append(median(kept))
        spent_s = (perf_counter_ns() - start_ns) / 1e9
        reason = rule.after(medians, spent_s, enough_kept=samples.kept_share >= keep_share)
        if reason is not None:
            return Collection(samples, answer, reason, rule.half_width)


def half_width(values: Sequence[float]) -> float:
    """Return half the 95 % interval of the median, relative to it; infinite if undetermined."""
    low, high = interval(values)
    middle = median(values) if values else 0.0
    if middle == 0 or math.isinf(low):
        return math.inf
    return (high - low) / 2 / abs(middle)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the median; everything if there are too few values."""
    ordered, count = sorted(values), len(values)
    if count < 2:
        return -math.inf, math.inf
    reach = _reach(count) * math.sqrt(inflation(values))
    below = math.floor(count / 2 - reach + 1e-9) if math.isfinite(reach) else -1
    if below < 0:
        return -math.inf, math.inf
    return ordered[below], ordered[-1 - below]


def inflation(values: Sequence[float]) -> float:
    """Return by how much dependence between neighbours inflates a variance; at least 1.

    (1 + r) / (1 - r) for the lag-one autocorrelation r of the ranks. Estimated r is too small
    by about (1 + 4r) / n, which is given back; below its own standard error it is noise.
    """
    count, ordered = len(values), sorted(values)
    ranks = [  # ties share a rank, about 0
        (bisect_left(ordered, value) + bisect_right(ordered, value) - count) / 2 for value in values
    ]
    total = sum(rank * rank for rank in ranks)
    if count < 4 or total == 0:
        return 1.0
    r = sum(x * y for x, y in pairwise(ranks)) / total
    r += (1 + 4 * max(r, 0.0)) / count
    if r <= 1 / math.sqrt(count):
        return 1.0
    r = min(r, 0.95)
    return (1 + r) / (1 - r)


@cache
def _reach(count: int) -> float:
    """Return how many ranks around the middle hold the median with 95 % probability.

    Of the pairs of order statistics that are symmetric about the middle, the closest that
    does; infinite below six values, where not even the extremes do.
    """
    if count > EXACT:
        return _Z975 * math.sqrt(count) / 2 + 0.5
    outside, below = 0.5**count, 0
    if 2 * outside > 0.05:
        return math.inf
    while 2 * (outside + math.comb(count, below + 1) * 0.5**count) <= 0.05:
        below += 1
        outside += math.comb(count, below) * 0.5**count
    return count / 2 - below
