"""Finds the steady state in the series of times, instead of assuming it after so many warm-ups.

The times are cut at their change points (PELT, Killick 2012). The state is steady if the last level holds at least half of
the series and its slope (Theil and Sen) shows no drift that matters. No scipy.stats here: its import takes 0.4 s in the
process that is measured; the tests hold slope and interval against `theilslopes`. See `docs/log/instruments.md`.
"""

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, median
from time import perf_counter_ns
from typing import Any

from adabench.profilers.timing.disturbance import SAMPLE_S, Samples, Watch

TOLERANCE = 0.01
PENALTY = 8.0
CLIP = 4.0
LEAST = 16
"""Blocks before the first judgement."""
SHORTEST = 3
"""Blocks of the shortest segment."""
_Z975 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Steadiness:
    """Whether a series of times came to rest, and where."""

    steady: bool
    start: int
    """The first of the times that belong to the last state."""
    reason: str
    spent_s: float = 0.0
    laps: int = 0
    """Laps that were spent on finding out, none of which is measured."""


def judge(times: Sequence[float]) -> Steadiness:
    """Judge a series of times (block medians, in order)."""
    if len(times) < LEAST:
        return Steadiness(False, 0, f"only {len(times)} blocks; {LEAST} are needed")
    logs = [math.log(max(time, 1e-12)) for time in times]
    start = _last_state(logs, change_points(logs))
    rest = logs[start:]
    if len(rest) < len(logs) / 2:
        return Steadiness(False, start, f"the level changed at block {start} of {len(times)}")
    if drift := _drift(rest):
        return Steadiness(False, start, f"it drifts by {drift:+.1%} over {len(rest)} blocks")
    return Steadiness(True, start, "steady")


def change_points(values: Sequence[float]) -> list[int]:
    """Return the indices at which a new level begins, in order; 0 is not among them."""
    middle, scatter = median(values), _scatter(values)
    scaled = [max(-CLIP, min(CLIP, (value - middle) / scatter)) for value in _despiked(values)]
    ends = _pelt(scaled, PENALTY * math.log(len(scaled)))
    return ends[:-1]


def warm_up(
    call: Callable[[], Any], budget_s: float, watch: Watch, block_s: float = 1e-3
) -> Steadiness:
    """Call until the times are steady or the budget is spent; judged on undisturbed samples.

    The first call (which may compile) is a block of its own. Afterwards a block lasts about
    `block_s`. The state is judged at numbers of blocks that grow by half.
    """
    start_ns = perf_counter_ns()
    samples, medians, look_at = Samples(), array("d"), LEAST
    loops, last, before = 1, Steadiness(False, 0, "no undisturbed block"), False
    while True:
        kept, _ = watch.take(call, loops, per_sample(samples.laps), samples)
        if kept:
            medians.append(median(kept))
        loops = max(1, round(block_s * 1e9 / max(1, samples.laps[-1])))
        spent_s = (perf_counter_ns() - start_ns) / 1e9
        if len(medians) >= look_at or spent_s >= budget_s:
            before, last = last.steady, judge(medians)
            look_at = math.ceil(len(medians) * 1.5)
        if (before and last.steady) or spent_s >= budget_s:
            reason = last.reason if last.steady else f"not steady: {last.reason}"
            return Steadiness(last.steady, last.start, reason, spent_s, len(samples.laps))


def per_sample(laps: Sequence[int]) -> int:
    """Return how many laps like the last few make a sample."""
    return max(1, int(SAMPLE_S * 1e9 / max(1, median(laps[-9:])))) if laps else 1


def _last_state(logs: Sequence[float], cuts: Sequence[int]) -> int:
    """Return where the last segment begins, with those before it that lie at its level."""
    bounds = [0, *cuts, len(logs)]
    level = median(logs[bounds[-2] :])
    start = bounds[-2]
    for first, stop in reversed(list(pairwise(bounds))):
        if abs(median(logs[first:stop]) - level) > TOLERANCE:
            break
        start = first
    return start


def _drift(logs: Sequence[float]) -> float:
    """Return the drift over the series if it is real and matters, else 0."""
    slope, low, high = slope_interval(logs)
    if low <= 0 <= high:
        return 0.0
    drift = slope * (len(logs) - 1)
    return drift if abs(drift) > TOLERANCE else 0.0


def slope_interval(logs: Sequence[float]) -> tuple[float, float, float]:
    """Return Theil's slope per step and its 95 % interval (Sen's, by Kendall's variance)."""
    count = len(logs)
    slopes = sorted(
        (logs[j] - logs[i]) / (j - i) for i in range(count) for j in range(i + 1, count)
    )
    reach = _Z975 * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = slopes[max(0, int((len(slopes) - reach) / 2))]
    high = slopes[min(len(slopes) - 1, math.ceil((len(slopes) + reach) / 2))]
    return median(slopes), low, high


def _despiked(values: Sequence[float]) -> list[float]:
    inner = [median(values[i - 1 : i + 2]) for i in range(1, len(values) - 1)]
    return [values[0], *inner, values[-1]] if len(values) > 2 else list(values)


def _scatter(values: Sequence[float]) -> float:
    """Return the standard deviation between neighbours; at least a tenth of the tolerance."""
    steps = [abs(second - first) for first, second in pairwise(values)]
    return max(1.4826 * median(steps) / math.sqrt(2), TOLERANCE / 10) if steps else 1.0


def _pelt(values: Sequence[float], penalty: float) -> list[int]:
    """Return the ends of the segments with the least penalised squared error."""
    sums, squares = [0.0], [0.0]
    for value in values:
        sums.append(sums[-1] + value)
        squares.append(squares[-1] + value * value)

    def cost(first: int, stop: int) -> float:
        total = sums[stop] - sums[first]
        return squares[stop] - squares[first] - total * total / (stop - first)

    best, previous, open_starts = [-penalty], [0], [0]
    for stop in range(1, len(values) + 1):
        eligible = [s for s in open_starts if stop - s >= SHORTEST] or [0]
        costs = {s: best[s] + cost(s, stop) + penalty for s in eligible}
        chosen = min(costs, key=costs.__getitem__)
        best.append(costs[chosen])
        previous.append(chosen)
        open_starts = [s for s in open_starts if costs.get(s, 0.0) - penalty <= best[stop]]
        open_starts.append(stop)
    ends, stop = [], len(values)
    while stop > 0:
        ends.append(stop)
        stop = previous[stop]
    return ends[::-1]
