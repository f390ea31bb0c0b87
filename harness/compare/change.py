"""The criteria of `compare`, and how one metric changed between two runs as people read it.

*Effect.* A cost is a ratio (geometric mean over pairs), a quality a difference (mean over
pairs). Where a cost can be zero for a single case, a pair has no ratio; the sums over the same
pairs are divided instead and the note says so. Its interval and tests are those of the
linear residuals `b - r a`, divided by the mean of `a`.

*Margin.* `p_up` belongs to the hypothesis that the effect is not above the upper margin,
`p_down` that it is not below the lower one, `p_within` that it lies outside both (TOST). So a
change has to be shown to be larger than the margin, or to be smaller than it; neither is
assumed.

*What is random.* For a quality or a count: other seeds, if the runs share `ENOUGH` of them,
else other cases. For a time, an energy or a peak of memory: the cases and, where they were
repeated `ENOUGH` times, also the repeats of the measurement, since drift moves all cases of a
repeat together; of the two the wider interval and the larger p-values are taken.

*Slack* is what all pairs share and no number of them averages out, on the log scale: how far the
machine drifted between two runs, or the uncertainty of two measured ceilings. It widens the
interval and the margin that a change has to pass, and narrows the one that sameness has to
keep.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from adabench.harness.compare.pair_verdicts import (
    MEASURED,
    Criteria,
    Evidence,
    Measurement,
    Question,
)
from adabench.harness.compare.pairing import MetricPairs
from adabench.harness.compare.units import Scale, grouped_units, seed_units
from adabench.harness.stats.intervals import FloatArray

Form = Literal["ratio", "ratio of sums", "difference"]

ENOUGH = 6
"""Independent units below which nothing is judged: of five, even unanimous ones have a
two-sided sign test of p = 0.0625."""
ALPHA = 0.05
FORMS: dict[Scale, Form] = {"log": "ratio", "sums": "ratio of sums", "linear": "difference"}


@dataclass(frozen=True)
class MetricChange:
    """One metric of one operating point, from the first run to the second."""

    form: Form
    a: float
    """Level in the first run: geometric mean for a ratio, mean otherwise."""
    b: float
    estimate: float
    low: float
    high: float
    n: int
    """Pairs."""
    clusters: int
    """Independent units among them."""
    p_up: float
    p_down: float
    p_within: float
    equal: bool = False
    """Equal on every pair: nothing to be tested."""
    note: str = ""


def evidence(question: Question) -> Evidence:
    """Return the ways of telling independent units apart that a metric has to pass."""
    pairs, scale = question.pairs, _scale(question.pairs, question)
    if question.kind not in MEASURED:
        seeds = len(np.unique(pairs.seed)) >= ENOUGH
        ways = [seed_units(scale, pairs) if seeds else grouped_units(scale, pairs, None)]
        return Evidence("seeds" if seeds else "cases", ways)
    ways, again = [grouped_units(scale, pairs, None)], question.repeats
    if again is not None and len(np.unique(again.block)) >= ENOUGH:
        ways.append(grouped_units(scale, again, again.block))
    return Evidence("cases" if len(ways) == 1 else "cases and repeats", ways)


CRITERIA = Criteria(
    evidence, error=ALPHA, passing=ALPHA, null="margin", same="equivalent", family="two-sided",
    least=ENOUGH,
)  # fmt: skip


def change_of(question: Question, found: Measurement) -> MetricChange:
    """Return a measurement as levels and an effect that people read: a ratio or a difference."""
    pairs = question.pairs
    form = FORMS[_scale(pairs, question)]
    shown = math.exp if found.scale == "log" else float
    return MetricChange(
        form, _level(form, pairs.a), _level(form, pairs.a if found.equal else pairs.b),
        shown(found.estimate), shown(found.low), shown(found.high),
        found.n, found.units, found.p_up, found.p_down, found.p_within, found.equal, found.note,
    )  # fmt: skip


def _scale(pairs: MetricPairs, question: Question) -> Scale:
    if question.kind == "quality":
        return "linear"
    return "log" if min(pairs.a.min(), pairs.b.min()) > 0 else "sums"


def _level(form: Form, values: FloatArray) -> float:
    return float(np.exp(np.log(values).mean()) if form == "ratio" else values.mean())
