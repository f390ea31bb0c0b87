"""How a `Level`, a `Rank` and a `SignedRank` are ruled upon.

*Level.* Mean over cases (or the share of those that reach a value). Reproduced: the interval lies
above `above` and the mean is `low` or more. Direction only: it is not. Not reproduced: the
interval does not reach above `above`. Undecided: else.

*Rank.* By how many mean ranks the method is ahead of the nearest rival, the median setting of
each. Reproduced: the interval lies above 0. Not reproduced: at or below 0. Undecided: else.

*SignedRank.* Wilcoxon's signed-rank test, both sides, over cases. Reproduced: p < 0.05 and the
ranks of the gains outweigh. Not reproduced: else, however many cases. Undecided: too few cases.

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
from adabench.harness.analysis.claims.monotone_and_frontier import ranks
from adabench.harness.analysis.claims.ratio import by_place, more_seeds
from adabench.harness.analysis.operating_points import (
    Key,
    OperatingPoint,
    ReplicateList,
    metric_of,
    order,
    shared_places,
    table,
)
from adabench.harness.contract.card import Level, Rank, SignedRank
from adabench.harness.stats.intervals import (
    FloatArray,
    Statistic,
    bootstrap,
    means,
    share,
    yes_or_no,
)

ALPHA = 0.05
Point = tuple[str, Key]
"""A method and its operating point, whatever the conditions."""


class Field(NamedTuple):
    """All candidates case by case."""

    places: ReplicateList
    ranks: FloatArray
    """(places, candidates), 1 for the best, ties share; the method itself stands first."""
    names: tuple[str, ...]
    """Of each candidate's method."""


def rule_level(claim: Level, method: str, evidence: Evidence) -> Ruling:
    """Rule on `claim` of `method`."""
    dots = evidence.of(method, claim.where, groups=claim.groups)
    if not dots:
        reason = evidence.why_none(method, claim.where, claim.groups, ())
        return Ruling("undecided", threshold=claim.low, reason=reason)
    dots = [dot for dot in (dot.holding(claim.metric) for dot in dots) if len(dot)]
    if not dots:
        return ruling_on_unrecorded(claim.metric)._replace(threshold=claim.low)
    leaves, rows = dots[0].leaves, join_rows(dots)
    values = leaves.column(claim.metric, rows)
    if claim.reaching is not None:
        values = (values >= claim.reaching).astype(np.float64)
    places, values_of = by_place(leaves.places(rows), values[:, None])
    found = bootstrap(places, means(values_of))[0]
    if claim.reaching is not None and places.seeds == len(places):
        found = share(round(float(values_of.sum())), len(places))  # nothing is nested in a seed
    elif claim.reaching is not None:
        found = yes_or_no(found, values_of[:, 0], places.seeds)
    ruling = Ruling("undecided", *found, threshold=claim.low, n=len(places))
    if found.low is None or found.high is None:
        return ruling._replace(reason="one replicate only: run more seeds")
    if found.low > claim.above:
        met = found.estimate >= claim.low
        reason = "" if met else f"the mean is {found.estimate:.3g}, the claim {claim.low:g}"
        return ruling._replace(verdict="reproduced" if met else "direction only", reason=reason)
    if found.high <= claim.above:
        reason = f"the interval does not reach above {claim.above:g}"
        return ruling._replace(verdict="not reproduced", reason=reason)
    gap, width = found.estimate - claim.above, found.high - found.low
    return ruling._replace(reason=more_seeds(gap, width, places.seeds))


def rule_rank(claim: Rank, method: str, evidence: Evidence) -> Ruling:
    """Rule on `claim` of `method`."""
    rivals = (claim.against,) if isinstance(claim.against, str) else claim.against
    sides: dict[str, list[OperatingPoint]] = {}
    for name in (method, *rivals):
        if name not in evidence.methods:
            return Ruling("undecided", threshold=0.0, reason=f"run {name} too")
        free = {knob.name for knob in evidence.methods[name].knobs} if name != method else set()
        sides[name] = evidence.of(name, claim.where, groups=claim.groups, free=free)
        reason = evidence.why_none(name, claim.where, claim.groups, free)
        if sides[name]:
            reason = _unswept(name, sides[name], evidence) if free else ""
        if reason:
            return Ruling("undecided", threshold=0.0, reason=reason)
    contest = _contest(claim.metric, method, sides, evidence)
    if contest is None:
        return Ruling("undecided", threshold=0.0, reason="no case was run by all contenders")
    found = bootstrap(contest.places, _lead(contest, rivals))[0]
    ruling = Ruling("undecided", *found, threshold=0.0, n=len(contest.places))
    said = f"mean rank {contest.ranks[:, 0].mean():.3g} of {contest.ranks.shape[1]}"
    if found.low is None or found.high is None:
        return ruling._replace(reason=f"{said}; one replicate only: run more seeds")
    if found.low > 0:
        return ruling._replace(verdict="reproduced", reason=said)
    if found.high <= 0:
        return ruling._replace(verdict="not reproduced", reason=f"{said}: no rank is gained")
    more = more_seeds(found.estimate, found.high - found.low, contest.places.seeds)
    return ruling._replace(reason=f"{said}; {more}")


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
    places = ReplicateList(where, np.concatenate([places.numbers for places, _ in found]))
    values = sign * np.concatenate([rows for _, rows in found])
    return Field(*by_place(places, 1 + ranks(values)), tuple(name for name, _ in ordered))


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


def rule_signed_rank(claim: SignedRank, method: str, evidence: Evidence) -> Ruling:
    """Rule on `claim` of `method`. The estimate is the rank-biserial correlation."""
    from scipy.stats import rankdata, wilcoxon

    sides: dict[str, list[OperatingPoint]] = {}
    for name in (method, claim.against):
        if name not in evidence.methods:
            return Ruling("undecided", threshold=0.0, reason=f"run {name} too")
        sides[name] = evidence.of(name, claim.where, groups=claim.groups)
        if not sides[name]:
            reason = evidence.why_none(name, claim.where, claim.groups, ())
            return Ruling("undecided", threshold=0.0, reason=reason)
    against = {claim.against: sides[claim.against]}
    pairs = pair_points(evidence, sides[method], against, claim.where)[0].holding(claim.metric)
    known = metric_of(claim.metric, evidence.card)
    sign = 1.0 if known is not None and known.better == "higher" else -1.0
    ours, theirs = pairs.columns(claim.metric)
    places, gains_of = by_place(pairs.places, sign * (ours - theirs[:, 0])[:, None])
    gains, n = gains_of[:, 0], len(places)
    ruling = Ruling("undecided", threshold=0.0, n=n)
    if n < claim.least:
        return ruling._replace(reason=f"{n} instances; {claim.least} are asked for")
    moved = gains[gains != 0]
    if not len(moved):
        return ruling._replace(verdict="not reproduced", reason="no instance differs")
    size = rankdata(np.abs(moved))
    lead = float((np.sign(moved) * size).sum() / size.sum())
    p = float(wilcoxon(moved).pvalue)
    wins, losses = int((gains > 0).sum()), int((gains < 0).sum())
    said = f"p = {p:.2g}; {wins} won, {n - wins - losses} tied, {losses} lost"
    word = ruling._replace(estimate=lead, reason=said)
    return word._replace(verdict="reproduced" if p < ALPHA and lead > 0 else "not reproduced")
