"""How a `Ratio` is ruled upon.

*Ratio* (geometric mean of paired ratios; several rivals: the hardest to beat in each pair).
- `every`: reproduced iff each pair obeys, exactly; else not reproduced, naming the worst.
- A promised change (`high <= 1`, or `low >= 1`). Reproduced: the interval excludes 1 in the
  promised direction, the mean meets the threshold, and every `keeping` margin holds (the
  interval of the paired difference does not reach beyond the margin). Direction only: the
  interval excludes 1, the rest fails. Not reproduced: the interval lies on the other side of
  1, or within 1 % of it. Undecided: else.
- A promise that little changes (`high > 1`, `low < 1`, or both limits). Reproduced: the whole
  interval obeys (direction only if a `keeping` margin is lost). Not reproduced: the whole
  interval lies beyond. Undecided: else.

Costs are never averaged before they are divided: each pair gives a ratio, and the estimate
is their geometric mean. Only a metric that can be zero for a single case (the accuracy of
one answer) has no ratio pair by pair; its sums are divided instead, over the same pairs,
and the reason says so. A claim over several conditions counts each case once: the case's
pairs are averaged first.

A rival that finds next to nothing makes such a ratio uncertain, and its interval says so: it may
reach over two powers of ten, and there is none where too many resamples find nothing at all
(`docs/statistics.md` has how often it holds).
"""

import math

import numpy as np
import numpy.typing as npt

from adabench.harness.analysis.claims.evidence import (
    Evidence,
    Pairs,
    Ruling,
    pair_points,
    place_of,
    ruling_on_unrecorded,
)
from adabench.harness.analysis.findings import VerdictWord
from adabench.harness.analysis.operating_points import (
    TIMED,
    OperatingPoint,
    ReplicateList,
    metric_of,
)
from adabench.harness.contract.card import Ratio
from adabench.harness.stats.intervals import FloatArray, Interval, Statistic, bootstrap, means

SLACK = 1e-12
NO_EFFECT = (0.99, 1.01)
"""An interval inside is no effect, however certain its direction."""
MANY_SEEDS = 1000


def rule_ratio(claim: Ratio, method: str, evidence: Evidence) -> Ruling:
    """Rule on `claim` of `method`."""
    rivals = (claim.against,) if isinstance(claim.against, str) else claim.against
    threshold = claim.high if claim.high is not None else claim.low
    sides: dict[str, list[OperatingPoint]] = {}
    for name in (method, *rivals):
        if name not in evidence.methods:
            return Ruling("undecided", threshold=threshold, reason=f"run {name} too")
        sides[name] = evidence.of(name, claim.where, groups=claim.groups)
        if not sides[name]:
            reason = evidence.why_none(name, claim.where, claim.groups, ())
            return Ruling("undecided", threshold=threshold, reason=reason)
    against = {name: sides[name] for name in rivals}
    pairs, refused = pair_points(evidence, sides[method], against, claim.where)
    if not len(pairs):
        reason = "the two sides saw different instances" if refused else "no case was run by both"
        return Ruling("undecided", threshold=threshold, reason=reason)
    pairs = pairs.holding(claim.metric)
    if not len(pairs):
        return ruling_on_unrecorded(claim.metric)._replace(threshold=threshold)
    ruling = _each(claim, pairs, evidence) if claim.every else _mean(claim, pairs, evidence)
    if refused:
        ruling = ruling._replace(reason=_said(ruling.reason, f"{refused} unlike pairs left out"))
    return ruling._replace(threshold=threshold)


def _said(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _sides(claim: Ratio, pairs: Pairs) -> tuple[FloatArray, FloatArray]:
    """Return the metric less its allowance, and that of the rival hardest to beat."""
    ours, theirs = pairs.columns(claim.metric)
    hardest = theirs.max(axis=1) if claim.high is None else theirs.min(axis=1)
    return ours - claim.allowance, hardest


def _each(claim: Ratio, pairs: Pairs, evidence: Evidence) -> Ruling:
    """Hold every single pair to the claim, exactly."""
    ours, theirs = _sides(claim, pairs)
    ratios = _quotient(ours, theirs)
    worst = int(np.argmax(_excess(claim, ratios)))
    broken = int((~_obeys(claim, ours, theirs)).sum())
    finite = ratios[np.isfinite(ratios)]
    estimate = float(ratios[worst]) if np.isfinite(ratios[worst]) else None
    # The spread of single pairs is no interval of anything: it goes into words.
    spread = ""
    if len(finite) and finite.min() < finite.max():
        spread = f"pairs from {finite.min():.4g} to {finite.max():.4g}"
    if not broken:
        return Ruling("reproduced", estimate, n=len(pairs), reason=spread)
    where = place_of(pairs.leaves, int(pairs.ours[worst]), evidence.card.defaults)
    reason = _said(f"{broken} of {len(pairs)} pairs break it; the worst: {where}", spread)
    return Ruling("not reproduced", estimate, n=len(pairs), reason=reason)


def _quotient(ours: FloatArray, theirs: FloatArray) -> FloatArray:
    """Divide; nothing by nothing is 1."""
    by_zero = np.where(ours == 0, 1.0, np.copysign(np.inf, ours))
    return np.divide(ours, theirs, out=by_zero, where=theirs != 0)


def _excess(claim: Ratio, ratio: FloatArray | float) -> FloatArray:
    """Return how far beyond its limits a ratio lies (negative: inside)."""
    over = ratio - claim.high if claim.high is not None else -np.inf
    under = claim.low - ratio if claim.low is not None else -np.inf
    return np.maximum(over, under)


def _obeys(claim: Ratio, ours: FloatArray, theirs: FloatArray) -> npt.NDArray[np.bool_]:
    """Compare without dividing, so that a rival's zero is no special case."""
    slack = SLACK * np.maximum(np.abs(ours), np.abs(theirs))
    obeys = np.ones(len(ours), np.bool_)
    if claim.high is not None:
        obeys &= ours <= claim.high * theirs + slack
    if claim.low is not None:
        obeys &= ours >= claim.low * theirs - slack
    return obeys


def _mean(claim: Ratio, pairs: Pairs, evidence: Evidence) -> Ruling:
    """Hold the mean ratio to the claim, with its interval."""
    interval, note = _log_ratio(claim, pairs)
    n, seeds = len(np.unique(pairs.places.numbers)), pairs.places.seeds
    if interval is None:
        return Ruling("undecided", n=n, reason=note)
    if interval.low is None or interval.high is None:
        # Where single pairs hold zeros, whole resamples may, and then have no ratio.
        why = "a side is zero in too many resamples" if note and seeds > 1 else "one replicate only"
        reason = _said(f"{why}: run more seeds", note)
        return Ruling("undecided", math.exp(interval.estimate), n=n, reason=reason)
    center, low, high = (math.exp(value) for value in interval)  # type: ignore[arg-type]
    lost = _not_kept(claim, pairs, evidence)
    decide = _directional if _is_directional(claim) else _tolerance
    word, reason = decide(claim, (center, low, high), lost, seeds)
    return Ruling(word, center, low, high, n=n, reason=_said(reason, note))


def _is_directional(claim: Ratio) -> bool:
    """Say whether the claim promises a change, and not only that a change is small."""
    if claim.low is not None and claim.high is not None:
        return False
    return claim.high <= 1 if claim.high is not None else (claim.low or 0) >= 1


def _directional(
    claim: Ratio, ratio: tuple[float, float, float], lost: str, seeds: int
) -> tuple[VerdictWord, str]:
    center, low, high = ratio
    falling = claim.high is not None
    if high < 1 if falling else low > 1:
        limit = claim.high if falling else claim.low
        met = _excess(claim, center) <= SLACK
        missed = "" if met else f"the mean ratio is {center:.4g}, the claim {limit:.4g}"
        return ("direction only" if missed or lost else "reproduced"), _said(missed, lost)
    if low > 1 if falling else high < 1:
        return "not reproduced", "the interval lies on the other side of 1"
    if NO_EFFECT[0] <= low and high <= NO_EFFECT[1]:
        return "not reproduced", "no effect: the interval lies within 1 % of 1"
    return "undecided", more_seeds(math.log(center), math.log(high / low), seeds)


def _tolerance(
    claim: Ratio, ratio: tuple[float, float, float], lost: str, seeds: int
) -> tuple[VerdictWord, str]:
    center, low, high = ratio
    least = -math.inf if claim.low is None else claim.low - SLACK
    most = math.inf if claim.high is None else claim.high + SLACK
    if least <= low and high <= most:
        return ("direction only" if lost else "reproduced"), lost
    if low > most or high < least:
        return "not reproduced", "the interval lies wholly beyond the limit"
    gaps = [math.log(center / limit) for limit in (claim.low, claim.high) if limit]
    return "undecided", more_seeds(min(gaps, key=abs), math.log(high / low), seeds)


def more_seeds(distance: float, width: float, seeds: int) -> str:
    """Say roughly how many seeds more would settle it; widths shrink as 1/sqrt(n)."""
    needed = seeds * (width / 2 / distance) ** 2 if distance else math.inf
    if needed > MANY_SEEDS:
        return "too near the limit for more seeds to settle it"
    more = max(math.ceil(needed - seeds), 1)
    return f"the interval is too wide: about {more} more seeds"


def _log_ratio(claim: Ratio, pairs: Pairs) -> tuple[Interval | None, str]:
    """Return the mean log ratio, or None and the reason why there is none."""
    ours, theirs = _sides(claim, pairs)
    zeros = int((np.minimum(ours, theirs) <= 0).sum())
    if not zeros:
        # Not np.log, which rounds otherwise from machine to machine.
        logs = np.array([math.log(ratio) for ratio in (ours / theirs).tolist()])
        places, means_of = by_place(pairs.places, logs[:, None])
        return bootstrap(places, means(means_of))[0], ""
    places, both = by_place(pairs.places, np.stack([ours, theirs], axis=1))
    if np.min(both) < 0 or np.min(both.sum(axis=0)) <= 0:
        return None, f"{zeros} of {len(pairs)} pairs are not positive: they have no ratio"
    return bootstrap(places, _ratio_of_sums(both))[0], "ratio of means: single pairs hold zeros"


def _ratio_of_sums(both: FloatArray) -> Statistic:
    def statistic(weights: FloatArray) -> FloatArray:
        ours, theirs = (weights @ both).T
        good = (ours > 0) & (theirs > 0)
        quotient = np.divide(ours, theirs, out=np.full_like(ours, np.nan), where=good)
        return np.asarray(np.log(quotient)[:, None], np.float64)

    return statistic


def by_place(places: ReplicateList, rows: FloatArray) -> tuple[ReplicateList, FloatArray]:
    """Average the rows (n, k) of each place: the places, sorted, and an array (places, k)."""
    sorted_ = np.argsort(places.numbers, kind="stable")
    numbers, start, counts = np.unique(
        places.numbers[sorted_], return_index=True, return_counts=True
    )
    found = np.empty((len(numbers), rows.shape[1]))
    for count in np.unique(counts):
        own = counts == count
        found[own] = rows[sorted_[start[own][:, None] + np.arange(count)]].mean(axis=1)
    return ReplicateList(places.where, numbers), found


def _not_kept(claim: Ratio, pairs: Pairs, evidence: Evidence) -> str:
    """Name the `keeping` margins that the pairs do not show to hold; empty if all do."""
    lost = []
    for name, margin in claim.keeping.items():
        metric = metric_of(name, evidence.card)
        held = pairs.holding(name)
        if not len(held) or (metric is None and not name.endswith(TIMED)):
            lost.append(f"{name} has no direction" if len(held) else f"{name} was not recorded")
            continue
        sign = 1.0 if metric is not None and metric.better == "higher" else -1.0
        places, gains = by_place(held.places, _gains(held, name, sign))
        interval = bootstrap(places, means(gains))[0]
        if interval.low is None or interval.low < -margin - SLACK:
            worst = "unknown" if interval.low is None else f"{interval.low:.3g}"
            lost.append(f"{name} may change by {worst}, more than {margin:g} to the worse")
    return "; ".join(lost)


def _gains(pairs: Pairs, name: str, sign: float) -> FloatArray:
    """Return how much better we are than the best rival (negative: worse): (n, 1)."""
    ours, theirs = pairs.columns(name)
    return np.asarray(sign * ours - (sign * theirs).max(axis=1), np.float64)[:, None]
