"""How a `Ratio` is ruled upon; `verdict.py` states the rules.

Costs are never averaged before they are divided: each pair gives a ratio, and the estimate
is their geometric mean. Only a metric that can be zero for a single case (the accuracy of
one answer) has no ratio pair by pair; its sums are divided instead, over the same pairs,
and the reason says so. A claim over several conditions counts each case once: the case's
pairs are averaged first.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from adabench.harness.card import Ratio
from adabench.harness.evidence import Evidence, Pair, Ruling, paired, place_of, unrecorded
from adabench.harness.findings import VerdictWord
from adabench.harness.leaf import TIMED, Leaf, metric_of
from adabench.harness.stats import FloatArray, Interval, Place, Statistic, bootstrap, means

SLACK = 1e-12
NO_EFFECT = (0.99, 1.01)
"""An interval inside is no effect, however certain its direction."""
MANY_SEEDS = 1000


def rule_ratio(claim: Ratio, method: str, evidence: Evidence) -> Ruling:
    """Rule on `claim` of `method`."""
    rivals = (claim.against,) if isinstance(claim.against, str) else claim.against
    threshold = claim.high if claim.high is not None else claim.low
    sides: dict[str, list[Leaf]] = {}
    for name in (method, *rivals):
        if name not in evidence.methods:
            return Ruling("undecided", threshold=threshold, reason=f"run {name} too")
        sides[name] = evidence.of(name, claim.where, groups=claim.groups)
        if not sides[name]:
            reason = evidence.why_none(name, claim.where, claim.groups, ())
            return Ruling("undecided", threshold=threshold, reason=reason)
    against = {name: sides[name] for name in rivals}
    pairs, refused = paired(evidence, sides[method], against, claim.where)
    if not pairs:
        reason = "the two sides saw different instances" if refused else "no case was run by both"
        return Ruling("undecided", threshold=threshold, reason=reason)
    pairs = [pair for pair in pairs if _holds(pair, claim.metric)]
    if not pairs:
        return unrecorded(claim.metric)._replace(threshold=threshold)
    ruling = _each(claim, pairs, evidence) if claim.every else _mean(claim, pairs, evidence)
    if refused:
        ruling = ruling._replace(reason=_said(ruling.reason, f"{refused} unlike pairs left out"))
    return ruling._replace(threshold=threshold)


def _holds(pair: Pair, metric: str) -> bool:
    return all(metric in leaf.values for leaf in (pair.ours, *pair.theirs))


def _said(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _sides(claim: Ratio, pair: Pair) -> tuple[float, float]:
    """Return the metric less its allowance, and that of the rival hardest to beat."""
    hardest = max if claim.high is None else min
    theirs = hardest(leaf.values[claim.metric] for leaf in pair.theirs)
    return pair.ours.values[claim.metric] - claim.allowance, theirs


def _each(claim: Ratio, pairs: Sequence[Pair], evidence: Evidence) -> Ruling:
    """Hold every single pair to the claim, exactly."""
    sides = [_sides(claim, pair) for pair in pairs]
    ratios = [_quotient(*side) for side in sides]
    excess = [_excess(claim, ratio) for ratio in ratios]
    worst = max(range(len(pairs)), key=lambda i: excess[i])
    broken = [i for i, side in enumerate(sides) if not _obeys(claim, *side)]
    finite = [ratio for ratio in ratios if math.isfinite(ratio)]
    estimate = ratios[worst] if math.isfinite(ratios[worst]) else None
    # The spread of single pairs is no interval of anything: it goes into words.
    spread = f"pairs from {min(finite):.4g} to {max(finite):.4g}" if len(set(finite)) > 1 else ""
    if not broken:
        return Ruling("reproduced", estimate, n=len(pairs), reason=spread)
    where = place_of(pairs[worst].ours, evidence.card.defaults)
    reason = f"{len(broken)} of {len(pairs)} pairs break it; the worst: {where}"
    reason = "; ".join(filter(None, [reason, spread]))
    return Ruling("not reproduced", estimate, n=len(pairs), reason=reason)


def _quotient(ours: float, theirs: float) -> float:
    if theirs == 0:
        return 1.0 if ours == 0 else math.copysign(math.inf, ours)
    return ours / theirs


def _excess(claim: Ratio, ratio: float) -> float:
    """Return how far beyond its limits a ratio lies (negative: inside)."""
    over = ratio - claim.high if claim.high is not None else -math.inf
    under = claim.low - ratio if claim.low is not None else -math.inf
    return max(over, under)


def _obeys(claim: Ratio, ours: float, theirs: float) -> bool:
    """Compare without dividing, so that a rival's zero is no special case."""
    slack = SLACK * max(abs(ours), abs(theirs))
    below = claim.high is None or ours <= claim.high * theirs + slack
    return below and (claim.low is None or ours >= claim.low * theirs - slack)


def _mean(claim: Ratio, pairs: Sequence[Pair], evidence: Evidence) -> Ruling:
    """Hold the mean ratio to the claim, with its interval."""
    interval, note = _log_ratio(claim, pairs)
    n = len({pair.ours.place for pair in pairs})
    if interval is None:
        return Ruling("undecided", n=n, reason=note)
    if interval.low is None or interval.high is None:
        reason = _said("one replicate only: run more seeds", note)
        return Ruling("undecided", math.exp(interval.estimate), n=n, reason=reason)
    center, low, high = (math.exp(value) for value in interval)  # type: ignore[arg-type]
    lost = _not_kept(claim, pairs, evidence)
    seeds = len({pair.ours.place.seed for pair in pairs})
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


def _log_ratio(claim: Ratio, pairs: Sequence[Pair]) -> tuple[Interval | None, str]:
    """Return the mean log ratio, or None and the reason why there is none."""
    sides = [(pair.ours.place, _sides(claim, pair)) for pair in pairs]
    zeros = sum(min(side) <= 0 for _, side in sides)
    if not zeros:
        places, logs = by_place((place, (math.log(a / b),)) for place, (a, b) in sides)
        return bootstrap(places, means(logs))[0], ""
    places, both = by_place(sides)
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


def by_place(
    rows: Iterable[tuple[Place, tuple[float, ...]]],
) -> tuple[list[Place], FloatArray]:
    """Average the rows of each place: the places, sorted, and an array (places, columns)."""
    found: dict[Place, list[tuple[float, ...]]] = defaultdict(list)
    for place, row in rows:
        found[place].append(row)
    places = sorted(found)
    return places, np.array([np.mean(found[place], axis=0) for place in places], np.float64)


def _not_kept(claim: Ratio, pairs: Sequence[Pair], evidence: Evidence) -> str:
    """Name the `keeping` margins that the pairs do not show to hold; empty if all do."""
    lost = []
    for name, margin in claim.keeping.items():
        metric = metric_of(name, evidence.card)
        held = [pair for pair in pairs if _holds(pair, name)]
        if not held or (metric is None and not name.endswith(TIMED)):
            lost.append(f"{name} was not recorded" if not held else f"{name} has no direction")
            continue
        sign = 1.0 if metric is not None and metric.better == "higher" else -1.0
        places, gains = by_place((pair.ours.place, (_gain(pair, name, sign),)) for pair in held)
        interval = bootstrap(places, means(gains))[0]
        if interval.low is None or interval.low < -margin - SLACK:
            worst = "unknown" if interval.low is None else f"{interval.low:.3g}"
            lost.append(f"{name} may change by {worst}, more than {margin:g} to the worse")
    return "; ".join(lost)


def _gain(pair: Pair, name: str, sign: float) -> float:
    """Return how much better we are than the best rival (negative: worse)."""
    return sign * pair.ours.values[name] - max(sign * leaf.values[name] for leaf in pair.theirs)
