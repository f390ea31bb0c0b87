"""How a `Ratio`, a `Difference` and a `Contrast` are ruled upon.

*Ratio.* Of totals over the same pairs: what all cases together cost, as a bill does; of several rivals the
hardest to beat in each pair. With `of="pairs"` it is the geometric mean of the pairs' ratios, which weighs a
small case as a large one. With `every`, each pair obeys, exactly, or the claim is violated and the worst
pair named.

*Difference.* Mean of paired differences, in the metric's own unit.

*Contrast.* The mean difference in some groups of cases less that in others.

A claim over several conditions counts each case once: the case's pairs are averaged first. A share
of cases that never varied is no certainty: its interval is widened by what so many cases can hide.

A rival that finds next to nothing makes a ratio uncertain, and its interval says so: it may reach
over two powers of ten, and there is none where too many resamples find nothing at all
(`docs/statistics.md` has how often it holds).
"""

import math
from typing import Literal, NamedTuple

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
from adabench.harness.analysis.claims.looks import sample_of
from adabench.harness.analysis.claims.unvaried import of_answers, of_share
from adabench.harness.analysis.claims.verdict_rule import (
    SLACK,
    Gap,
    Margin,
    least_worth,
    margin,
    one_replicate,
    promise,
    rule,
    said,
    without_cost,
)
from adabench.harness.analysis.operating_points import TIMED, OperatingPoint, metric_of
from adabench.harness.analysis.replicates import by_place, distinct
from adabench.harness.contract.claim import Claim, bar
from adabench.harness.contract.expectations import Contrast, Difference, Ratio, rival_names
from adabench.harness.stats.intervals import FloatArray, Interval, Method, Statistic, means


class Comparison(NamedTuple):
    """The pairs of a claim, or the ruling that there are none."""

    pairs: Pairs
    refused: int


def rule_paired(claim: Claim, method: str, evidence: Evidence) -> Ruling:
    """Rule on a `Ratio`, a `Difference` or a `Contrast` of `method`."""
    expect = claim.expect
    assert isinstance(expect, Ratio | Difference | Contrast)
    found = compare(expect, method, evidence)
    if isinstance(found, Ruling):
        return found._replace(bar=bar(claim))
    pairs, refused = found
    if isinstance(expect, Ratio):
        decide = _each if expect.every else _mean_ratio
        ruling = decide(claim, expect, pairs, evidence)
    elif isinstance(expect, Difference):
        ruling = _mean_difference(claim, expect, pairs, evidence)
    else:
        ruling = _contrast(claim, expect, pairs, evidence)
    if refused:
        ruling = ruling._replace(reason=said(ruling.reason, f"{refused} unlike pairs left out"))
    return ruling


def compare(
    expect: Ratio | Difference | Contrast, method: str, evidence: Evidence
) -> Comparison | Ruling:
    """Return the pairs that a claim speaks of, or the ruling on a claim that has none."""
    groups = expect.groups
    if isinstance(expect, Contrast):
        groups = (*groups, *expect.other_groups)
    sides: dict[str, list[OperatingPoint]] = {}
    for name in rival_names(expect):
        if name not in evidence.methods:
            return Ruling("not run", reason=f"run {name} too")
        at = {**expect.where, **expect.there}
        sides[name] = evidence.of(name, at, groups=groups)
        if not sides[name]:
            return Ruling("not run", reason=evidence.why_none(name, at, groups, ()))
    ours = evidence.of(method, expect.where, groups=groups)
    if not ours:
        return Ruling("not run", reason=evidence.why_none(method, expect.where, groups, ()))
    pairs, refused = pair_points(evidence, ours, sides, expect.where, expect.there)
    if not len(pairs):
        reason = "the two sides saw different instances" if refused else "no case was run by both"
        return Ruling("not run", reason=reason)
    pairs = pairs.holding(expect.metric)
    return Comparison(pairs, refused) if len(pairs) else ruling_on_unrecorded(expect.metric)


def _each(claim: Claim, expect: Ratio, pairs: Pairs, evidence: Evidence) -> Ruling:
    """Hold every single pair to the claim, exactly."""
    ours, theirs = _sides(expect, pairs, falls=expect.high is not None)
    ratios = _quotient(ours, theirs)
    worst = int(np.argmax(_excess(expect, ratios)))
    broken = int((~_obeys(expect, ours, theirs)).sum())
    finite = ratios[np.isfinite(ratios)]
    estimate = float(ratios[worst]) if np.isfinite(ratios[worst]) else None
    limit = expect.high if expect.high is not None else expect.low
    n = pairs.places.cases if pairs.places.fixed else len(pairs)
    # The spread of single pairs is no interval of anything: it goes into words.
    spread = ""
    if len(finite) and finite.min() < finite.max():
        spread = f"pairs from {finite.min():.4g} to {finite.max():.4g}"
    if not broken:
        return Ruling("holds", estimate, bar=limit, n=n, reason=spread)
    where = place_of(pairs.leaves, int(pairs.ours[worst]), evidence.card.defaults)
    reason = said(f"{broken} of {len(pairs)} pairs break it; the worst: {where}", spread)
    return Ruling("violated", estimate, bar=limit, n=n, reason=reason)


def _mean_ratio(claim: Claim, expect: Ratio, pairs: Pairs, evidence: Evidence) -> Ruling:
    """Hold the mean ratio to the claim, with its interval."""
    falls = _falls(claim)
    n = len(np.unique(pairs.places.numbers))
    if zero := _side_without_cost(expect, pairs, falls, evidence):
        return without_cost(claim, zero, _margins(expect, pairs, evidence), n)
    interval, note = _log_ratio(expect, pairs, falls, evidence)
    if interval is None:
        return Ruling("undecided", bar=bar(claim), n=n, reason=note)
    places = distinct(pairs.places)
    if interval.low is None and math.isfinite(interval.estimate) and places.clusters > 1:
        # Where single pairs hold zeros, whole resamples may, and then have no ratio.
        why = "a side is zero in too many resamples: run more seeds"
        return one_replicate(claim, math.exp(interval.estimate), n)._replace(reason=said(why, note))
    gap = Gap(_difference(expect, pairs, falls, evidence), expect.same) if expect.same else None
    margins = _margins(expect, pairs, evidence)
    worth = least_worth(claim, evidence.card)
    return rule(claim, interval, places, margins=margins, gap=gap, worth=worth, note=note)


def _side_without_cost(
    expect: Ratio, pairs: Pairs, falls: bool, evidence: Evidence
) -> Literal["", "ours", "theirs"]:
    """Say which side has nothing at all of a cost, where the other one has some.

    No work in any case is a property; no right answer in any case may be chance.
    """
    metric = metric_of(expect.metric, evidence.card)
    if expect.of != "totals" or metric is None or metric.role not in ("cost", "work"):
        return ""
    ours, theirs = _sides(expect, pairs, falls)
    if ours.any() == theirs.any():
        return ""
    return "theirs" if ours.any() else "ours"


def _falls(claim: Claim) -> bool:
    """Say whether less is better by the claim: then the rival with the least is hardest to beat."""
    return promise(claim).sign < 0


def _mean_difference(claim: Claim, expect: Difference, pairs: Pairs, evidence: Evidence) -> Ruling:
    interval = _difference(expect, pairs, _falls(claim), evidence)
    return rule(
        claim, interval, distinct(pairs.places),
        margins=_margins(expect, pairs, evidence), gap=Gap(interval, expect.same),
        worth=least_worth(claim, evidence.card),
    )  # fmt: skip


def _difference(
    expect: Ratio | Difference, pairs: Pairs, falls: bool, evidence: Evidence
) -> Interval:
    """Return the mean difference to the rival that is hardest to beat."""
    ours, theirs = _sides(expect, pairs, falls)
    places, gaps = by_place(pairs.places, (ours - theirs)[:, None])
    found = places.intervals(means(gaps))[0]
    return of_answers(found, places, gaps[:, 0], expect.metric, evidence)


def _contrast(claim: Claim, expect: Contrast, pairs: Pairs, evidence: Evidence) -> Ruling:
    ours, theirs = pairs.columns(expect.metric)
    table = pairs.leaves.table
    named = np.array([table.groups[k] in expect.groups for k in table.group[pairs.ours]])
    if named.all() or not named.any():
        lacking = expect.other_groups if named.all() else expect.groups
        return Ruling("not run", bar=bar(claim), reason=f"no case of group {' or '.join(lacking)}")
    rows = np.stack([ours - theirs[:, 0], named.astype(np.float64)], axis=1)
    places, averaged = by_place(pairs.places, rows)
    interval = places.intervals(_difference_of_differences(averaged))[0]
    inside = int((averaged[:, 1] > 0).sum())
    fewest = min(inside, len(places) - inside)
    interval = of_share(interval, places, expect.metric, evidence, span=2.0, n=fewest)
    if not math.isfinite(interval.estimate):
        return one_replicate(claim, None, len(places))
    gap, worth = Gap(interval, expect.same), least_worth(claim, evidence.card)
    return rule(claim, interval, places, gap=gap, worth=worth)


def _difference_of_differences(rows: FloatArray) -> Statistic:
    """Return the statistic on rows (n, 2): the gain, and 1 for the groups named."""
    gain, named = rows.T

    def statistic(weights: FloatArray) -> FloatArray:
        inside, outside = weights * named, weights * (1 - named)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = inside @ gain / inside.sum(axis=1) - outside @ gain / outside.sum(axis=1)
        return np.asarray(found[:, None], np.float64)

    return statistic


def _sides(expect: Ratio | Difference, pairs: Pairs, falls: bool) -> tuple[FloatArray, FloatArray]:
    """Return the metric less its allowance, and that of the rival hardest to beat."""
    ours, theirs = pairs.columns(expect.metric)
    hardest = theirs.min(axis=1) if falls else theirs.max(axis=1)
    return ours - getattr(expect, "allowance", 0.0), hardest


def _quotient(ours: FloatArray, theirs: FloatArray) -> FloatArray:
    """Divide; nothing by nothing is 1."""
    by_zero = np.where(ours == 0, 1.0, np.copysign(np.inf, ours))
    return np.divide(ours, theirs, out=by_zero, where=theirs != 0)


def _excess(expect: Ratio, ratio: FloatArray) -> FloatArray:
    """Return how far beyond its limits a ratio lies (negative: inside)."""
    over = ratio - expect.high if expect.high is not None else -np.inf
    under = expect.low - ratio if expect.low is not None else -np.inf
    return np.maximum(over, under)


def _obeys(expect: Ratio, ours: FloatArray, theirs: FloatArray) -> npt.NDArray[np.bool_]:
    """Compare without dividing, so that a rival's zero is no special case."""
    slack = SLACK * np.maximum(np.abs(ours), np.abs(theirs))
    obeys = np.ones(len(ours), np.bool_)
    if expect.high is not None:
        obeys &= ours <= expect.high * theirs + slack
    if expect.low is not None:
        obeys &= ours >= expect.low * theirs - slack
    return obeys


def _log_ratio(
    expect: Ratio, pairs: Pairs, falls: bool, evidence: Evidence
) -> tuple[Interval | None, str]:
    """Return the logarithm of the ratio, or None and the reason why there is none."""
    ours, theirs = _sides(expect, pairs, falls)
    if expect.of == "pairs":
        return _mean_log_ratio(expect, pairs, ours / np.where(theirs > 0, theirs, np.nan), evidence)
    places, both = by_place(pairs.places, np.stack([ours, theirs], axis=1))
    if np.min(both) < 0 or np.min(both.sum(axis=0)) <= 0:
        zeros = int((np.minimum(ours, theirs) <= 0).sum())
        return None, f"{zeros} of {len(pairs)} pairs are not positive: they have no ratio"
    method: Method = "totals" if places.clusters == 1 else "union"
    found = places.intervals(_ratio_of_sums(both), method)[0]
    return of_share(found, places, expect.metric, evidence), ""


def _mean_log_ratio(
    expect: Ratio, pairs: Pairs, ratios: FloatArray, evidence: Evidence
) -> tuple[Interval | None, str]:
    """Return the mean logarithm of the pairs' ratios (n,)."""
    bad = int(np.count_nonzero(~(ratios > 0)))
    if bad:
        return None, f"{bad} of {len(pairs)} pairs are not positive: they have no ratio"
    # Not np.log, which rounds otherwise from machine to machine.
    logs = np.array([math.log(ratio) for ratio in ratios.tolist()])
    places, means_of = by_place(pairs.places, logs[:, None])
    found = places.intervals(means(means_of))[0]
    return of_share(found, places, expect.metric, evidence), "mean of the pairs' ratios"


def _ratio_of_sums(both: FloatArray) -> Statistic:
    def statistic(weights: FloatArray) -> FloatArray:
        ours, theirs = (weights @ both).T
        good = (ours > 0) & (theirs > 0)
        quotient = np.divide(ours, theirs, out=np.full_like(ours, np.nan), where=good)
        return np.asarray(np.log(quotient)[:, None], np.float64)

    return statistic


def _margins(expect: Ratio | Difference, pairs: Pairs, evidence: Evidence) -> list[Margin]:
    """Say of each `keeping` margin whether the pairs show it to hold."""
    found = []
    for name, allowed in expect.keeping.items():
        metric = metric_of(name, evidence.card)
        held = pairs.holding(name)
        if not len(held) or (metric is None and not name.endswith(TIMED)):
            why = f"{name} has no direction" if len(held) else f"{name} was not recorded"
            found.append(Margin("open", why))
            continue
        sign = 1.0 if metric is not None and metric.better == "higher" else -1.0
        places, gains = by_place(held.places, _gains(held, name, sign))
        interval = places.intervals(means(gains))[0]
        change = of_answers(interval, places, gains[:, 0], name, evidence)
        found.append(margin(name, change, allowed, sample_of(places)))
    return found


def _gains(pairs: Pairs, name: str, sign: float) -> FloatArray:
    """Return how much better we are than the best rival (negative: worse): (n, 1)."""
    ours, theirs = pairs.columns(name)
    return np.asarray(sign * ours - (sign * theirs).max(axis=1), np.float64)[:, None]
