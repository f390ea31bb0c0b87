"""Two runs on the same cases: the effect of a change, its interval, and p-values for a gate.

    ratio(a, b, clusters)       -> Effect   geometric mean of the paired ratios b/a
    difference(a, b, clusters)  -> Effect   mean of b - a
    p_beyond(a, b, clusters, margin, kind, side) -> float
        kind: "ratio" | "difference"; margin on the effect's own scale: 1.03 for +3 % of a
        ratio, 0.01 for a point of accuracy (of either sign; 1.0 and 0.0 are no change)
        side="above": the p-value of H0 "effect <= margin" against "effect > margin"
        side="below": the p-value of H0 "effect >= margin" against "effect < margin"

`a` and `b` are (n,) values of the same (seed, case, block); `Clusters(seed, case, block)` says
which. *What is random* (`over`) decides what an independent unit is; pairs are averaged to units
first, so whatever they share inside a unit (a seed's training, a case's difficulty, the machine
while one case ran) is counted once:

    "seed"     a unit is a seed: the statement goes beyond these seeds and cases
    "case"     a unit is a case of a seed: the seeds are the plan's (default below five seeds)
    "block"    a unit is a pair: seeds and cases are the plan's, measurements scatter on their own
    "series"   the same, but neighbours in time may be alike: the pairs, in order of `block`, are
               averaged in 2 batches (below 20 pairs), 3 (below 60) or one per 20

Where an `over` leaves one unit, the next finer one is taken, and `note` says so. There is no
interval from one pair alone.

*Intervals and p-values* of units are those of `student_t.py`: the union (the larger p) of
Student's t and Hall's correction for skew. For ratios the units are log ratios. Blocks whose
noise is autocorrelated (AR(1), rho = 0.6) are covered by "series", which is paid for in width:
two batches have a t of 12.7.

*Yes-or-no outcomes* (all values 0 or 1) have no such t: ten pairs that all agree show no
scatter, which is not certainty. Two pseudo-pairs are added (half a win, half a loss, one tie:
Agresti & Min 2005), and a p-value is the larger of that and Tango's score test (1998), each of
which alone errs in the tail if nearly all discordant pairs point one way. Where fewer than five
discordant pairs are to be expected the interval is too wide (coverage towards 1): the data hold no
more. `docs/statistics.md` says how far the tail of these p-values can be trusted.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from adabench.harness.stats.intervals import FloatArray, IntArray
from adabench.harness.stats.paired_answers import score
from adabench.harness.stats.student_t import Moments, interval, moments, p_above, p_below, tail

Kind = Literal["ratio", "difference"]
Side = Literal["above", "below"]
Over = Literal["seed", "case", "block", "series"]

FINER: dict[Over, Over] = {"seed": "case", "case": "block"}
ENOUGH_SEEDS = 5
"""From here on t is below 2.8 and seeds are the units by default."""


class Clusters(NamedTuple):
    """Where each pair stands: (n,) each."""

    seed: IntArray
    case: IntArray
    block: IntArray


@dataclass(frozen=True)
class Effect:
    """An effect of b against a, with its two-sided interval.

    Without replication the interval is everything (0 or -inf to inf), and `note` says why.
    """

    estimate: float
    low: float
    high: float
    n: int
    """Pairs."""
    clusters: int
    """Independent units: what the interval's width rests on."""
    level: float
    over: Over
    """What a unit is."""
    note: str = ""


class Units(NamedTuple):
    """Independent units of a paired difference."""

    values: FloatArray
    over: Over
    binary: bool
    """Whether every value was 0 or 1: differences are then -1, 0 or 1, averaged."""
    single: bool
    """Whether every unit is one pair."""
    note: str


def ratio(
    a: FloatArray,
    b: FloatArray,
    clusters: Clusters,
    *,
    level: float = 0.95,
    over: Over | None = None,
) -> Effect:
    """Return the geometric mean of the paired ratios b/a.

    Raises:
        ValueError: if a value is not positive: it has no ratio, take the difference.
    """
    effect = difference(*_logs(a, b), clusters, level=level, over=over)
    center, low, high = (math.exp(end) for end in (effect.estimate, effect.low, effect.high))
    n, units = effect.n, effect.clusters
    return Effect(center, low, high, n, units, level, effect.over, effect.note)


def difference(
    a: FloatArray,
    b: FloatArray,
    clusters: Clusters,
    *,
    level: float = 0.95,
    over: Over | None = None,
) -> Effect:
    """Return the mean of b - a over units."""
    units = paired_units(a, b, clusters, over)
    m, n = len(units.values), len(a)
    estimate = float(units.values.mean())
    if m < 2:
        note = "one pair only: no interval"
        return Effect(estimate, -math.inf, math.inf, n, m, level, units.over, note)
    found = smoothed_moments(units) if units.binary else _moments(units)
    low, high = (float(end[0]) for end in interval(found, level))
    if units.binary:
        low, high = max(low, -1.0), min(high, 1.0)
    low, high = min(low, estimate), max(high, estimate)
    note = units.note
    if low == high:
        note = "; ".join(filter(None, [note, f"no scatter: all {m} units show the same"]))
    return Effect(estimate, low, high, n, m, level, units.over, note)


def p_beyond(
    a: FloatArray,
    b: FloatArray,
    clusters: Clusters,
    margin: float,
    kind: Kind,
    side: Side,
    *,
    over: Over | None = None,
) -> float:
    """Return the p-value of H0 "the effect is not beyond `margin` on that side".

    1 where one pair is all there is. Units without any scatter prove what they show (0 or 1),
    unless outcomes are yes or no.
    """
    if kind == "ratio":
        a, b = _logs(a, b)
        margin = math.log(margin)
    units = paired_units(a, b, clusters, over)
    if len(units.values) < 2:
        return 1.0
    found = _moments(units)
    binary = units.binary and kind == "difference"
    test = p_above if side == "above" else p_below
    if not binary:
        return float(test(found, margin)[0])
    p = float(test(smoothed_moments(units)._replace(bend=np.zeros(1)), margin)[0])
    if units.single:
        won, lost = (float(np.count_nonzero(sign * units.values > 0)) for sign in (1, -1))
        z = score(len(units.values), won, lost, margin)
        return max(p, float(tail(z if side == "above" else -z, math.inf)))
    return max(p, float(test(found, margin)[0])) if found.error[0] > 0 else p


def paired_units(
    a: FloatArray, b: FloatArray, clusters: Clusters, over: Over | None = None
) -> Units:
    """Return the independent units of b - a.

    Raises:
        ValueError: if there is no pair.
    """
    if not len(a) or len(a) != len(b):
        raise ValueError(f"Pairs need as many values on both sides, not {len(a)} and {len(b)}.")
    gap, binary = b - a, _is_binary(a) and _is_binary(b)
    wanted: Over = over or _default(clusters)
    chosen, values = wanted, _averaged(gap, clusters, wanted)
    while len(values) < 2 and chosen in FINER:
        chosen = FINER[chosen]
        values = _averaged(gap, clusters, chosen)
    note = "" if chosen == wanted else f"one {wanted} only: the interval is over each {chosen}"
    return Units(values, chosen, binary, len(values) == len(gap), note)


def _default(clusters: Clusters) -> Over:
    return "seed" if len(np.unique(clusters.seed)) >= ENOUGH_SEEDS else "case"


def _averaged(gap: FloatArray, clusters: Clusters, over: Over) -> FloatArray:
    """Average pairs to cases, and cases to units."""
    if over == "block":
        return gap
    if over == "series":
        order = np.lexsort((clusters.case, clusters.seed, clusters.block))
        parts = np.array_split(gap[order], min(batches(len(gap)), len(gap)))
        return np.array([part.mean() for part in parts])
    _, case, back = np.unique(
        np.stack([clusters.seed, clusters.case]), axis=1, return_index=True, return_inverse=True
    )
    means = _means(gap, back.reshape(-1))
    if over == "case":
        return means
    return _means(means, np.unique(clusters.seed[case], return_inverse=True)[1])


def _means(values: FloatArray, group: IntArray) -> FloatArray:
    total = np.bincount(group, values)
    return np.asarray(total / np.bincount(group), np.float64)


def batches(n: int) -> int:
    """Return in how many batches a series of n blocks is cut."""
    return 2 if n < 20 else 3 if n < 60 else n // 20


def _moments(units: Units) -> Moments:
    return moments(units.values[:, None])


def smoothed_moments(units: Units) -> Moments:
    """Return the moments of yes-or-no differences with two pseudo-units.

    Single pairs have a binomial scatter, which no t need guard.
    """
    values, m = units.values, len(units.values)
    total, square = float(values.sum()), float((values**2).sum()) + 1
    error = math.sqrt(square - total**2 / (m + 2)) / (m + 2)
    columns = (total / (m + 2), error, 0.0, math.inf if units.single else m - 1.0)
    return Moments(*(np.array([column]) for column in columns))


def _is_binary(values: FloatArray) -> bool:
    return bool(np.all((values == 0) | (values == 1)))


def _logs(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    if not (np.all(a > 0) and np.all(b > 0)):
        raise ValueError("A ratio needs positive values on both sides; take the difference.")
    return np.log(a), np.log(b)
