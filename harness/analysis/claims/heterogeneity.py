"""How much a claim over cases differs between trainings of the weights that it is given.

The interval of such a claim is about these trainings. Whether they agree is said beside the verdict: as
I squared (Higgins & Thompson 2002), the share of the scatter between their estimates that is more than
cases explain, and in words where some read the claim's way and others against it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from adabench.harness.analysis.claims.evidence import Evidence, Ruling
from adabench.harness.analysis.claims.verdict_rule import LOGARITHMIC
from adabench.harness.contract.claim import Claim
from adabench.harness.stats.bca import Z975

Judge = Callable[[Evidence], Ruling]
WITH = ("reproduced", "direction only")
AGAINST = ("not reproduced", "contradicted")


def between_trainings(claim: Claim, evidence: Evidence, judge: Judge) -> str:
    """Say how far trainings differ; nothing of a claim over trainings or seeds, or of one training."""
    if not evidence.dots:
        return ""
    where = evidence.dots[0].places.where
    if where.over != "cases" or len(set(where.trainings)) < 2:
        return ""
    found = [judge(_of_training(number, evidence)) for number in sorted(set(where.trainings))]
    return "; ".join(filter(None, [_spread(claim, found), _flip(found)]))


def _of_training(number: int, evidence: Evidence) -> Evidence:
    """Return what of the evidence comes from one training."""
    dots = [dot.only(dot.places.training == number) for dot in evidence.dots]
    return replace(evidence, dots=[dot for dot in dots if len(dot)])


def _spread(claim: Claim, found: Sequence[Ruling]) -> str:
    scale = math.log if isinstance(claim.expect, LOGARITHMIC) else float
    known = [
        (scale(one.estimate), (scale(one.high) - scale(one.low)) / (2 * Z975))
        for one in found
        if one.estimate is not None and one.low is not None and one.high is not None
        and one.high > one.low and not (scale is math.log and min(one.low, one.estimate) <= 0)
    ]  # fmt: skip
    if len(known) < 2:
        return ""
    estimates, errors = np.array(known).T
    weights = 1 / errors**2
    mean = float((weights * estimates).sum() / weights.sum())
    beyond = float((weights * (estimates - mean) ** 2).sum())
    share = max(0.0, 1 - (len(known) - 1) / beyond) if beyond > 0 else 0.0
    return f"between {len(known)} trainings I^2 = {share:.2f}"


def _flip(found: Sequence[Ruling]) -> str:
    """Say it where the verdict of one training is against that of another."""
    with_it = sum(one.verdict in WITH for one in found)
    against = sum(one.verdict in AGAINST for one in found)
    if not (with_it and against):
        return ""
    return f"it flips between trainings: {with_it} read the claim's way and {against} against it"
