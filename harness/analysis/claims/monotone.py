"""How a `Monotone` is ruled upon: by its whole change, and step by step.

The curve is turned so that the promised direction is up. Its whole change (last value less first)
must be one, and reach the bar where the paper gives its size. Each step is a margin: its whole interval
must not go back by more than the tolerance. A curve that rises and then stays level is monotone; one
that rises and falls again is not, and of noise alone the whole change does not tell itself from none.

Only cases that hold the whole curve enter, or a missing point would look like a step.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from adabench.harness.analysis.claims.evidence import Evidence, Ruling, ruling_on_unrecorded
from adabench.harness.analysis.claims.looks import sample_of
from adabench.harness.analysis.claims.unvaried import widened
from adabench.harness.analysis.claims.verdict_rule import SLACK, least_worth, margin, rule
from adabench.harness.analysis.metric_range import SHARE, clip, is_share
from adabench.harness.analysis.operating_points import Key, OperatingPoint, metric_of, order
from adabench.harness.analysis.replicates import ReplicateList, by_place
from adabench.harness.contract.card import Knob, Scalar
from adabench.harness.contract.claim import Claim, bar
from adabench.harness.contract.expectations import Monotone
from adabench.harness.stats.intervals import FloatArray, IntArray, means

ENOUGH = 3
"""Values of a sweep with which a curve may be told monotone, where the sweep has so many."""


class Curves(NamedTuple):
    """Whole curves over a knob, a row each: where it stands, and the metric at rising values."""

    places: ReplicateList
    y: FloatArray
    """(n, width)"""


def rule_monotone(claim: Claim, method: str, evidence: Evidence) -> Ruling:
    """Rule on a `Monotone` of `method`."""
    expect = claim.expect
    assert isinstance(expect, Monotone)
    dots = evidence.of(method, expect.where, groups=expect.groups, free=(expect.over,))
    if not dots:
        reason = evidence.why_none(method, expect.where, expect.groups, (expect.over,))
        return Ruling("not run", bar=bar(claim), reason=reason)
    dots = [dot for dot in (dot.holding(expect.metric) for dot in dots) if len(dot)]
    if not dots:
        return ruling_on_unrecorded(expect.metric)._replace(bar=bar(claim))
    knob = evidence.methods[method].knob(expect.over) or evidence.card.knob(expect.over)
    if knob is None:
        reason = f"neither method nor task has a knob {expect.over}"
        return Ruling("not run", bar=bar(claim), reason=reason)
    curves = _curves(expect.metric, knob, dots)
    wanted = expect.where.get(knob.name, knob.values)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    if curves.y.shape[1] < max(min(ENOUGH, len(wanted)), 2):
        values = ",".join(str(value) for value in wanted)
        reason = f"needs a sweep: --sweep {knob.name}={values}"
        return Ruling("not run", bar=bar(claim), reason=reason)
    return _monotone(claim, expect, curves, evidence)


def _monotone(claim: Claim, expect: Monotone, curves: Curves, evidence: Evidence) -> Ruling:
    n = len(np.unique(curves.places.numbers))
    bounded = is_share(metric_of(expect.metric, evidence.card))
    if not bounded and np.ptp(curves.y) <= SLACK * float(np.abs(curves.y).max()):
        return Ruling("not reproduced", 0.0, bar=bar(claim), n=n, reason="the curve is constant")
    whole = curves.y[:, -1:] - curves.y[:, :1]
    sign = 1.0 if expect.rising else -1.0
    steps = sign * np.diff(curves.y, axis=1)
    places, rows = by_place(curves.places, np.hstack([whole, steps]))
    found = places.intervals(means(rows))
    if bounded and not places.fixed:
        found = [clip(widened(interval, n, 1.0), SHARE.differences) for interval in found]
    change, *each = found
    sample = sample_of(places)
    margins = [
        margin(f"step {k} of {len(each)}", step, expect.tolerance, sample)
        for k, step in enumerate(each, 1)
    ]
    worth = least_worth(claim, evidence.card)
    return rule(claim, change, places, margins=margins, worth=worth)


def _curves(metric: str, knob: Knob, dots: Sequence[OperatingPoint]) -> Curves:
    """Return each case's curve over the knob, one for each setting of everything else.

    Those that are as long as the longest, that is.
    """
    ladders: dict[tuple[Key, Key], dict[float, OperatingPoint]] = defaultdict(dict)
    for dot in dots:
        conditions, point = dict(dot.conditions), dict(dot.point)
        value = point.pop(knob.name, conditions.get(knob.name, knob.default))
        conditions.pop(knob.name, None)
        ladders[order(conditions), order(point)][_abscissa(value, knob)] = dot
    found = [_ladder(metric, ladders[key]) for key in sorted(ladders)]
    width = max(int((~np.isnan(y)).sum(axis=1).max()) for _, y in found)
    numbers, rows = [], []
    for places, y in found:
        held = ~np.isnan(y)
        whole = held.sum(axis=1) == width
        numbers.append(places[whole])
        rows.append(y[whole][held[whole]].reshape(-1, width))
    where = dots[0].leaves.where
    return Curves(ReplicateList(where, np.concatenate(numbers)), np.concatenate(rows))


def _ladder(metric: str, dots: dict[float, OperatingPoint]) -> tuple[IntArray, FloatArray]:
    """Return the places of some dots, and the metric at each by rising values: (n, dots)."""
    steps = sorted(dots)
    numbers = np.unique(np.concatenate([dots[step].places.numbers for step in steps]))
    y = np.full((len(numbers), len(steps)), np.nan)
    for k, step in enumerate(steps):
        y[np.searchsorted(numbers, dots[step].places.numbers), k] = dots[step].column(metric)
    return numbers, y


def _abscissa(value: Scalar, knob: Knob) -> float:
    """Return a number to sort by; words stand in the order of the card."""
    if isinstance(value, str):
        return float(knob.values.index(value)) if value in knob.values else len(knob.values)
    return float(value)
