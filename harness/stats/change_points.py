"""Steps in a history: where a metric's level changed for good, and not by noise.

A history is one value a run, in time (a logarithm, so that ratios subtract, or a plain quality).
It is cut into 1, 2, ... segments of one level each, every time by the cut of least squares (the
Potts functional, solved exactly by dynamic programming); the finest cut of which every
boundary passes is taken. A boundary passes if all hold:

(a) *between runs*: the difference of the two segments' means lies beyond the margin, by a t-test
    whose scatter is that of the runs about their own segments, pooled, with runs less segments
    degrees of freedom, at `ALPHA` divided by the number of places where a step could be;
(b) *between cases*: the paired effect from the last run before to the first one after, on the
    same cases, lies beyond the margin too: two-sided p at most 5 %. Where runs have no noise of
    their own (counts, qualities) this alone has to carry the statement, so it is held to the level
    of (a);
(c) *run by run*: of either segment at most a tenth lies nearer to the other's median: two levels,
    and not one level with an outlier.

(b) alone would not do for times and joules: what moves a whole run (another moment, another
clock) is in all its cases. So a time needs `LEAST_RUNS` runs on either side; until the second one
after a change there is a `hint`, which is shown and no more. A count needs one.

`docs/log/statistics.md` has how often noise passes, and how often a step is found.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adabench.harness.stats.intervals import FloatArray, IntArray
from adabench.harness.stats.student_t import t975, tail

ALPHA = 0.001
"""The probability that a history without any step beyond its margin shows one."""
PAIRED = 0.05
LEAST_RUNS = 2
MOST_SEGMENTS = 8
ASTRAY = 0.1
"""Share of a segment's runs that may lie nearer to the other level."""


@dataclass(frozen=True)
class Step:
    """A change of level between two runs that follow each other."""

    after: int
    """Index of the first run at the new level."""
    estimate: float
    """The new level less the old one, on the scale of the values."""
    low: float
    high: float
    """95 %, from the scatter between runs; both are the estimate where there is none."""
    runs: tuple[int, int]
    """How many runs stand at the old and at the new level."""


def steps(
    values: FloatArray, p_paired: FloatArray, margin: float, *, exact: bool = False
) -> tuple[Step, ...]:
    """Return the steps of a history of T values, in time.

    `p_paired` (T - 1) belongs to the hypothesis that the paired effect from a run to the next
    is not beyond the margin, `exact` says that runs have no noise of their own.
    """
    least = 1 if exact else LEAST_RUNS
    most = min(MOST_SEGMENTS, len(values) // least)
    found: tuple[Step, ...] = ()
    for starts in _cuts(values, most, least):
        cut = _judged(values, starts, p_paired, margin, exact)
        found = cut if cut else found
    return found


def hint(values: FloatArray, p_paired: FloatArray, margin: float) -> int | None:
    """Return the index of the last run if it may be the first after a step, else None.

    It lies beyond the margin from the level before it by the pairs (b), and by more than three
    times the scatter of the runs before, as far as that is known.
    """
    if len(values) < 2 or p_paired[-1] > PAIRED:
        return None
    before = values[:-1]
    spread = float(before.std(ddof=1)) if len(before) > 1 else 0.0
    far = abs(values[-1] - before.mean()) > margin + 3 * spread
    return len(values) - 1 if far else None


def _cuts(values: FloatArray, most: int, least: int) -> list[list[int]]:
    """Return the best cut into 2, 3, ... `most` segments, as the first index of each segment."""
    runs = len(values)
    cost = _costs(values, least)
    best, ways = cost[0], list[IntArray]()
    found = []
    for _ in range(1, most):
        # best[i] is the cost of the first i values; the last segment starts at j
        total = best[:, None] + cost
        ways.append(np.argmin(total, axis=0))
        best = np.min(total, axis=0)
        if math.isfinite(best[runs]):
            found.append(_traced(ways, runs))
    return found


def _costs(values: FloatArray, least: int) -> FloatArray:
    """Return the squared error of values[i:j] about their mean at (i, j); inf if too short."""
    centered = values - values.mean() if len(values) else values
    one = np.concatenate([[0.0], np.cumsum(centered)])
    two = np.concatenate([[0.0], np.cumsum(centered**2)])
    length = np.arange(len(one))[None, :] - np.arange(len(one))[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        error = two[None, :] - two[:, None] - (one[None, :] - one[:, None]) ** 2 / length
    return np.where(length >= least, np.maximum(error, 0.0), np.inf)


def _traced(ways: Sequence[IntArray], runs: int) -> list[int]:
    starts, end = list[int](), runs
    for way in reversed(ways):
        end = int(way[end])
        starts.append(end)
    return [0, *reversed(starts)]


def _judged(
    values: FloatArray, starts: list[int], p_paired: FloatArray, margin: float, exact: bool
) -> tuple[Step, ...]:
    """Return the steps of a cut if every one of them passes, else none."""
    ends = [*starts[1:], len(values)]
    parts = [values[i:j] for i, j in zip(starts, ends, strict=True)]
    df = len(values) - len(parts)
    square = sum(float(((part - part.mean()) ** 2).sum()) for part in parts)
    scatter = math.sqrt(square / df) if df > 0 else 0.0
    places = len(values) - 1
    found = []
    for k, after in enumerate(starts[1:]):
        old, new = parts[k], parts[k + 1]
        error = scatter * math.sqrt(1 / len(old) + 1 / len(new))
        step = _step(after, float(new.mean() - old.mean()), error, df, (len(old), len(new)))
        between = _p_between(abs(step.estimate) - margin, error, df, exact) * places
        allowed = ALPHA / places if exact else PAIRED
        if between > ALPHA or p_paired[after - 1] > allowed or not _apart(old, new):
            return ()
        found.append(step)
    return tuple(found)


def _apart(old: FloatArray, new: FloatArray) -> bool:
    """Say whether the runs of two segments stand at two levels, one by one."""
    levels = float(np.median(old)), float(np.median(new))
    middle, up = sum(levels) / 2, levels[1] > levels[0]
    astray = (old >= middle) == up, (new <= middle) == up
    return all(float(part.mean()) <= ASTRAY for part in astray)


def _p_between(beyond: float, error: float, df: int, exact: bool) -> float:
    """Return the two-sided p-value of lying `beyond` the margin by the scatter between runs."""
    if df < 1 and not exact:
        return 1.0
    if error == 0 or df < 1:
        return 0.0 if beyond > 0 else 1.0
    return 2 * float(tail(beyond / error, df)) if beyond > 0 else 1.0


def _step(after: int, estimate: float, error: float, df: int, runs: tuple[int, int]) -> Step:
    half = t975(df) * error if df > 0 and error > 0 else 0.0
    return Step(after, estimate, estimate - half, estimate + half, runs)
