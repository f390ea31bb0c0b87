"""How a `Level`, a `Rank`, a `SignedRank` and a `Correlation` are ruled upon.

*Level.* Mean over cases (or the share of those that reach a value), less where no effect lies.

*Rank.* By how many mean ranks the method is ahead of the nearest rival, the median setting of each.

*SignedRank.* Wilcoxon's signed-rank test, both sides, over cases, and the interval of the rank-biserial
correlation over trainings or seeds, since cases of one training do not differ by themselves alone. Both
must decide: p < 0.05 (0.6 % at a later look) and the interval on one side of no effect.

*Correlation.* Spearman's, over cases: ranks are those among all cases, resamples weigh them.

None of them divides one value by another, so they hold for metrics that may be zero or negative
(an objective, a correlation) and where a few cases would outweigh the others.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from adabench.harness.analysis.claims.evidence import (
    Evidence,
    Ruling,
    join_rows,
    pair_points,
    ruling_on_unrecorded,
)
from adabench.harness.analysis.claims.looks import level, sample_of
from adabench.harness.analysis.claims.unvaried import of_share, widened
from adabench.harness.analysis.claims.verdict_rule import least_worth, one_replicate, rule, said
from adabench.harness.analysis.metric_range import SHARE, clip, is_share, range_of
from adabench.harness.analysis.operating_points import (
    Key,
    OperatingPoint,
    metric_of,
    order,
    shared_places,
    table,
)
from adabench.harness.analysis.replicates import ReplicateList, by_place
from adabench.harness.contract.claim import Claim, bar
from adabench.harness.contract.expectations import Correlation, Level, Rank, SignedRank, rival_names
from adabench.harness.stats.intervals import (
    FloatArray,
    Interval,
    Statistic,
    exact_share,
    means,
    yes_or_no,
)

Point = tuple[str, Key]
"""A method and its operating point, whatever the conditions."""


class Field(NamedTuple):
    """All candidates case by case."""

    places: ReplicateList
    ranks: FloatArray
    """(places, candidates), 1 for the best, ties share; the method itself stands first."""
    names: tuple[str, ...]
    """Of each candidate's method."""


def rule_level(claim: Claim, method: str, evidence: Evidence) -> Ruling:
    """Rule on a `Level` of `method`."""
    expect = claim.expect
    assert isinstance(expect, Level)
    dots = evidence.of(method, expect.where, groups=expect.groups)
    if not dots:
        reason = evidence.why_none(method, expect.where, expect.groups, ())
        return Ruling("not run", bar=bar(claim), reason=reason)
    dots = [dot for dot in (dot.holding(expect.metric) for dot in dots) if len(dot)]
    if not dots:
        return ruling_on_unrecorded(expect.metric)._replace(bar=bar(claim))
    leaves, rows = dots[0].leaves, join_rows(dots)
    values = leaves.column(expect.metric, rows)
    if expect.reaching is not None:
        values = (values >= expect.reaching).astype(np.float64)
    places, values_of = by_place(leaves.places(rows), values[:, None])
    found = places.intervals(means(values_of))[0]
    yes = expect.reaching is not None or _is_yes_or_no(expect.metric, values_of, evidence)
    if yes and not places.fixed:
        if places.seeds == len(places) or places.clusters == 1:  # nothing nests in anything
            found = exact_share(round(float(values_of.sum())), len(places))
        else:
            found = yes_or_no(found, values_of[:, 0], places.clusters)
    found = of_share(found, places, expect.metric, evidence)
    found = clip(found, range_of(expect.metric, metric_of(expect.metric, evidence.card)))
    return rule(claim, _less(found, expect.above), places, worth=least_worth(claim, evidence.card))


def _is_yes_or_no(metric: str, values: FloatArray, evidence: Evidence) -> bool:
    declared = is_share(metric_of(metric, evidence.card))
    return declared and bool(((values == 0) | (values == 1)).all())


def _less(found: Interval, nothing: float) -> Interval:
    """Return an interval on the scale where no effect is 0."""
    low, high = (None if end is None else end - nothing for end in found[1:])
    return Interval(found.estimate - nothing, low, high)


def rule_correlation(claim: Claim, method: str, evidence: Evidence) -> Ruling:
    """Rule on a `Correlation` of `method`."""
    from scipy.stats import rankdata

    expect = claim.expect
    assert isinstance(expect, Correlation)
    dots = evidence.of(method, expect.where, groups=expect.groups)
    if not dots:
        reason = evidence.why_none(method, expect.where, expect.groups, ())
        return Ruling("not run", bar=bar(claim), reason=reason)
    held = [dot.holding(expect.metric, expect.with_) for dot in dots]
    held = [dot for dot in held if len(dot)]
    if not held:
        return ruling_on_unrecorded(expect.metric)._replace(bar=bar(claim))
    leaves, rows = held[0].leaves, join_rows(held)
    columns = [leaves.column(name, rows) for name in (expect.metric, expect.with_)]
    places, both = by_place(leaves.places(rows), np.stack(columns, axis=1))
    found = places.intervals(_weighted_correlation(rankdata(both, axis=0)))[0]
    if not np.isfinite(found.estimate):
        return one_replicate(claim, None, len(places), "one of the two never varies")
    found = found if places.fixed else widened(found, len(places), 2.0)
    return rule(claim, clip(found, SHARE.differences), places)


def _weighted_correlation(columns: FloatArray) -> Statistic:
    """Return the statistic "correlation of two columns" (n, 2)."""
    x, y = (columns - columns.mean(axis=0)).T
    mean = means(np.stack([x, y, x * x, y * y, x * y], axis=1))

    def statistic(weights: FloatArray) -> FloatArray:
        a, b, aa, bb, ab = mean(weights).T
        spread = np.sqrt(np.maximum((aa - a * a) * (bb - b * b), 0.0))
        top = ab - a * b
        found = np.divide(top, spread, out=np.full_like(top, np.nan), where=spread > 0)
        return np.asarray(found[:, None], np.float64)

    return statistic


def rule_rank(claim: Claim, method: str, evidence: Evidence) -> Ruling:
    """Rule on a `Rank` of `method`."""
    expect = claim.expect
    assert isinstance(expect, Rank)
    rivals = rival_names(expect)
    sides: dict[str, list[OperatingPoint]] = {}
    for name in (method, *rivals):
        if name not in evidence.methods:
            return Ruling("not run", bar=bar(claim), reason=f"run {name} too")
        free = {knob.name for knob in evidence.methods[name].knobs} if name != method else set()
        sides[name] = evidence.of(name, expect.where, groups=expect.groups, free=free)
        reason = evidence.why_none(name, expect.where, expect.groups, free)
        if sides[name]:
            reason = _unswept(name, sides[name], evidence) if free else ""
        if reason:
            return Ruling("not run", bar=bar(claim), reason=reason)
    contest = _contest(expect.metric, method, sides, evidence)
    if contest is None:
        return Ruling("not run", bar=bar(claim), reason="no case was run by all contenders")
    found = contest.places.intervals(_lead(contest, rivals))[0]
    # Ahead by as much in every case: in what is hidden it may be as far behind.
    if not contest.places.fixed:
        found = widened(found, len(contest.places), max(2 * abs(found.estimate), 1.0))
    note = f"mean rank {contest.ranks[:, 0].mean():.3g} of {contest.ranks.shape[1]}"
    return rule(claim, found, contest.places, note=note)


def _unswept(name: str, dots: Sequence[OperatingPoint], evidence: Evidence) -> str:
    """Say which sweep a rival lacks: the median of one setting would be that setting."""
    for knob in evidence.methods[name].knobs:
        had = {dot.point.get(knob.name, knob.default) for dot in dots}
        if not set(knob.values) <= had:
            values = ",".join(str(value) for value in knob.values)
            return f"{name} needs a sweep: --sweep {knob.name}={values}"
    return ""


def _contest(
    metric: str, method: str, sides: dict[str, list[OperatingPoint]], evidence: Evidence
) -> Field | None:
    """Rank all candidates in each case that all of them solved; None if there is none."""
    by_conditions: dict[Key, list[OperatingPoint]] = {}
    for dot in (dot for dots in sides.values() for dot in dots):
        by_conditions.setdefault(order(dot.conditions), []).append(dot)
    points = {_point(dot) for dots in sides.values() for dot in dots}
    ordered = sorted(points, key=lambda point: (point[0] != method, point))
    found = []
    for dots in by_conditions.values():
        if {_point(dot) for dot in dots} != points:
            continue
        dots = sorted(dots, key=lambda dot: ordered.index(_point(dot)))
        held = {dot.setting: dot.holding(metric) for dot in dots}
        places = shared_places(held)
        if len(places):
            found.append((places, table(held, places, metric)))
    if not found:
        return None
    known = metric_of(metric, evidence.card)
    sign = -1.0 if known is not None and known.better == "higher" else 1.0
    where = found[0][0].where
    numbers = np.concatenate([places.numbers for places, _ in found])
    places = ReplicateList(where, numbers)
    values = sign * np.concatenate([rows for _, rows in found])
    return Field(*by_place(places, _ranks(values)), tuple(name for name, _ in ordered))


def _ranks(rows: FloatArray) -> FloatArray:
    """Return the rank of each value in its row, 1 for the least; ties share."""
    from scipy.stats import rankdata  # here because few forms of claims need it

    return np.asarray(rankdata(rows, axis=1), np.float64)


def _point(dot: OperatingPoint) -> Point:
    return dot.method, order(dot.point)


def _lead(contest: Field, rivals: Sequence[str]) -> Statistic:
    """Return by how many ranks the method is ahead of the nearest rival's median setting."""
    mean = means(contest.ranks)
    columns = [[k for k, name in enumerate(contest.names) if name == rival] for rival in rivals]

    def statistic(weights: FloatArray) -> FloatArray:
        ranks = mean(weights)
        medians = [np.median(ranks[:, own], axis=1) for own in columns]
        return np.asarray((np.min(medians, axis=0) - ranks[:, 0])[:, None], np.float64)

    return statistic


def rule_signed_rank(claim: Claim, method: str, evidence: Evidence) -> Ruling:
    """Rule on a `SignedRank` of `method`. The estimate is the rank-biserial correlation."""
    expect = claim.expect
    assert isinstance(expect, SignedRank)
    sides: dict[str, list[OperatingPoint]] = {}
    for name in (method, expect.against):
        if name not in evidence.methods:
            return Ruling("not run", bar=bar(claim), reason=f"run {name} too")
        sides[name] = evidence.of(name, expect.where, groups=expect.groups)
        if not sides[name]:
            reason = evidence.why_none(name, expect.where, expect.groups, ())
            return Ruling("not run", bar=bar(claim), reason=reason)
    against = {expect.against: sides[expect.against]}
    paired, _ = pair_points(evidence, sides[method], against, expect.where, {})
    pairs = paired.holding(expect.metric)
    if not len(pairs):
        return ruling_on_unrecorded(expect.metric)._replace(bar=bar(claim))
    known = metric_of(expect.metric, evidence.card)
    sign = 1.0 if known is not None and known.better == "higher" else -1.0
    ours, theirs = pairs.columns(expect.metric)
    places, gains = by_place(pairs.places, sign * (ours - theirs[:, 0])[:, None])
    if len(places) < expect.least:
        reason = f"{len(places)} instances; {expect.least} are asked for"
        return Ruling("undecided", bar=bar(claim), n=len(places), reason=reason)
    return _signed_ranks(claim, places, gains[:, 0])


def _signed_ranks(claim: Claim, places: ReplicateList, gains: FloatArray) -> Ruling:
    """Hold the rank-biserial correlation to the claim, and the test's p to its level."""
    from scipy.stats import rankdata, wilcoxon

    n, moved = len(gains), gains[gains != 0]
    if not len(moved):
        return Ruling("not reproduced", 0.0, bar=bar(claim), n=n, reason="no instance differs")
    size = np.zeros(n)
    size[gains != 0] = rankdata(np.abs(moved))
    p = float(wilcoxon(moved).pvalue)
    wins, losses = int((gains > 0).sum()), int((gains < 0).sum())
    note = f"p = {p:.2g}; {wins} won, {n - wins - losses} tied, {losses} lost"
    interval = places.intervals(_rank_biserial(np.sign(gains) * size, size))[0]
    interval = interval if places.fixed else widened(interval, len(moved), 2.0)
    ruling = rule(claim, clip(interval, SHARE.differences), places, note=note)
    decided = ruling.verdict in ("reproduced", "direction only", "contradicted")
    if decided and p >= level(sample_of(places)):
        return ruling._replace(verdict="undecided", reason=said(note, "more instances would tell"))
    return ruling._replace(p_value=max(p / 2, ruling.p_value or 0.0))


def _rank_biserial(signed: FloatArray, size: FloatArray) -> Statistic:
    """Return the statistic: the ranks of the gains less those of the losses, over all (n,)."""
    mean = means(np.stack([signed, size], axis=1))

    def statistic(weights: FloatArray) -> FloatArray:
        top, all_ = mean(weights).T
        found = np.divide(top, all_, out=np.zeros_like(top), where=all_ > 0)
        return np.asarray(found[:, None], np.float64)

    return statistic
