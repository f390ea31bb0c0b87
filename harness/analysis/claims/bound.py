"""How a `Bound` is ruled upon: it holds iff no case exceeds it.

The estimate is the largest `metric / bound` over cases (less three standard errors for a mean): how
near the theorem was approached. A bound of zero or less is compared, not divided by, and adds nothing
to the estimate. It looks at every recorded condition, but for those that the claim names.
"""

from collections.abc import Sequence

import numpy as np

from adabench.harness.analysis.claims.evidence import (
    Evidence,
    Ruling,
    join_rows,
    place_of,
    ruling_on_unrecorded,
)
from adabench.harness.analysis.claims.verdict_rule import SLACK
from adabench.harness.analysis.operating_points import OperatingPoint
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import Bound
from adabench.harness.stats.intervals import FloatArray

STANDARD_ERRORS = 3.0
"""Allowed for when the bounded metric is itself a mean over random streams."""


def rule_bound(claim: Claim, method: str, evidence: Evidence) -> Ruling:
    """Rule on a `Bound` of `method`."""
    expect = claim.expect
    assert isinstance(expect, Bound)
    free = {knob.name for knob in evidence.card.knobs}
    dots = evidence.of(method, expect.where, groups=expect.groups, free=free)
    if not dots:
        reason = evidence.why_none(method, expect.where, expect.groups, free)
        return Ruling("not run", bar=1.0, reason=reason)
    for name in (expect.metric, expect.bound):
        dots = [dot for dot in (dot.holding(name) for dot in dots) if len(dot)]
        if not dots:
            return ruling_on_unrecorded(name)._replace(bar=1.0)
    leaves, rows = dots[0].leaves, join_rows(dots)
    bound, allowed = leaves.column(expect.bound, rows), _allowed(expect, dots)
    broken = allowed > bound + SLACK * np.maximum(1.0, np.abs(bound))
    shares = allowed[bound > 0] / bound[bound > 0]
    estimate = float(shares.max()) if len(shares) else None
    places = leaves.places(rows)
    ruling = Ruling("holds", estimate, bar=1.0, n=places.cases if places.fixed else len(rows))
    if not broken.any():
        return ruling
    worst = rows[int(np.argmax(np.where(broken, allowed - bound, -np.inf)))]
    where = place_of(leaves, int(worst), evidence.card.defaults)
    reason = f"{int(broken.sum())} of {len(rows)} cases exceed the bound; the worst: {where}"
    return ruling._replace(verdict="violated", reason=reason)


def _allowed(expect: Bound, dots: Sequence[OperatingPoint]) -> FloatArray:
    """Return the metric, less three standard errors if it is a mean."""
    leaves, rows = dots[0].leaves, join_rows(dots)
    metric = leaves.column(expect.metric, rows)
    if expect.over != "mean":
        return metric
    error = np.nan_to_num(leaves.column(f"{expect.metric}_se", rows))
    return np.asarray(metric - STANDARD_ERRORS * error, np.float64)
