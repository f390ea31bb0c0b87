"""Power over time: samples of watts and their integral.

Integrated power is an estimate: between two samples anything may have happened. The integral
is the trapezoid's, with the ends of the window interpolated, and it is refused where samples
are missing: before the first, after the last, or over a gap that is much longer than usual.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from adabench.profilers.energy.meter import NoValue

GAP = 5.0
"""A gap this many times the usual one is a hole in the record."""


class Sample(NamedTuple):
    """Watts at a time in nanoseconds, of whatever clock the window uses."""

    ns: int
    watts: float


def integrate(samples: Sequence[Sample], start_ns: int, stop_ns: int) -> float:
    """Return the joules between two moments; `samples` are in order of time.

    Raises:
        NoValue: if the samples do not cover the window.
    """
    times = [sample.ns for sample in samples]
    if len(samples) < 2 or start_ns < times[0] or stop_ns > times[-1]:
        raise NoValue("the power samples do not cover the window")
    first, last = bisect_right(times, start_ns), bisect_left(times, stop_ns)
    inner = samples[first:last]
    path = [_at(samples, start_ns, first), *inner, _at(samples, stop_ns, last)]
    _check_holes(samples[max(first - 1, 0) : last + 1], interval_s(samples))
    return math.fsum(
        (one.watts + other.watts) / 2 * (other.ns - one.ns) / 1e9 for one, other in pairwise(path)
    )


def interval_s(samples: Sequence[Sample]) -> float:
    """Return the usual time between two samples."""
    return median(other.ns - one.ns for one, other in pairwise(samples)) / 1e9


def _at(samples: Sequence[Sample], ns: int, after: int) -> Sample:
    """Interpolate at a moment that lies before sample number `after`."""
    one, other = samples[max(after - 1, 0)], samples[min(after, len(samples) - 1)]
    share = (ns - one.ns) / (other.ns - one.ns) if other.ns > one.ns else 0.0
    return Sample(ns, one.watts + share * (other.watts - one.watts))


def _check_holes(samples: Sequence[Sample], usual_s: float) -> None:
    worst_s = max((other.ns - one.ns for one, other in pairwise(samples)), default=0) / 1e9
    if worst_s > GAP * usual_s:
        raise NoValue(
            f"the power samples have a hole of {worst_s:.3g} s, their usual distance is "
            f"{usual_s:.3g} s"
        )
