"""The verdict engine: effect, interval and verdict of every metric of a pair of runs.

`compare` and `gate` ask the same questions of two runs (a metric of an operating point, on its
pairs, with a margin) and differ in their `Criteria` only:

    measure(question, criteria)    -> Measurement       effect, interval and raw p-values
    decide(measurements, criteria) -> one Decision each  one family of tests

*Null.* What a test of change has to refute: a change within the `margin` (compare), or no change
at all and, for processes that were not interleaved, one within an allowance (gate), where the
estimate has to lie beyond the margin as well.
*Same.* What a test of sameness has to show: a change within the margin on both sides (compare:
equivalence), or one that is not worse by the margin (gate: non-inferiority).
*Family.* Holm over the two-sided p-values of everything (compare), or over each side of its own
(gate, where one side alone raises an alarm).

A p-value whose hypothesis holds for the estimate itself is above one half and decides nothing:
it is not computed, and reads 1.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from adabench.harness.compare.margins import Kind, Margin
from adabench.harness.compare.pairing import MetricPairs
from adabench.harness.compare.units import Scale, Units, case_means
from adabench.harness.stats.intervals import FloatArray
from adabench.harness.stats.multiple_testing import holm

Word = Literal["worse", "ambiguous", "invalid", "better", "same"]
Direction = Literal["higher", "lower"]
ROUNDING = 1e-9
"""Relative: sums of floats in another order are no change."""
MEASURED: frozenset[Kind] = frozenset({"timing", "energy", "memory"})
SUMS = "zero for some case, so sums are divided"


@dataclass(frozen=True, eq=False)
class Question:
    """One metric of one operating point, ready to be judged."""

    pairs: MetricPairs
    kind: Kind
    better: Direction
    margin: Margin
    invalid: str = ""
    """Why it is no comparison."""
    repeats: MetricPairs | None = None
    """The same pairs before repeats were collapsed to cases."""
    slack: float = 0.0
    """What all pairs share and no number of them averages out, on the log scale."""


class Evidence(NamedTuple):
    """The ways of telling independent units apart that a metric has to pass."""

    name: str
    ways: Sequence[Units]
    allowance: float = 0.0
    """On the scale of the units: what equal code may differ by."""
    fact: bool = False
    """A count that repeats itself: its sums decide, without a test."""


@dataclass(frozen=True)
class Criteria:
    """What a word takes: all that `compare` and `gate` differ in."""

    evidence: Callable[[Question], Evidence]
    error: float
    """Probability of even one false `worse` or `better` in the family."""
    passing: float
    """Of calling a change by the margin `same`, metric by metric."""
    null: Literal["margin", "no change"]
    same: Literal["equivalent", "not worse"]
    family: Literal["two-sided", "each side"]
    least: int
    """Units below which nothing is tested."""


@dataclass(frozen=True)
class Measurement:
    """The effect of one question, on the scale of its units (`sums`: the ratio of sums)."""

    better: Direction
    margin: Margin
    scale: Scale
    estimate: float
    low: float
    high: float
    n: int
    """Pairs."""
    units: int
    p_up: float = 1.0
    """Of no rise beyond what the null allows."""
    p_down: float = 1.0
    p_within: float = 1.0
    """Of a change that is not `same`."""
    evidence: str = ""
    equal: bool = False
    """Equal on every pair: nothing to be tested."""
    note: str = ""

    @property
    def is_fact(self) -> bool:
        """Whether no test is due: a value that repeats itself, or that is the same."""
        return self.equal or self.evidence == "exact"


class Decision(NamedTuple):
    """A word, and the adjusted p-values that it rests on; NaN for what was not tested."""

    word: Word
    p_up: float
    p_down: float


class _Bounds(NamedTuple):
    """On a scale of units: what no change may reach, and what sameness has to keep."""

    null: tuple[float, float]
    same: tuple[float, float]


def measure(question: Question, criteria: Criteria) -> Measurement:
    """Return the effect of one question that has pairs."""
    pairs = question.pairs
    if np.allclose(pairs.a, pairs.b, rtol=ROUNDING, atol=0.0):
        scale: Scale = "linear" if question.kind == "quality" else "log"
        n = len(pairs.a)
        return Measurement(
            question.better, question.margin, scale, 0.0, 0.0, 0.0, n, n,
            p_within=0.0, evidence="equal", equal=True,
        )  # fmt: skip
    evidence = criteria.evidence(question)
    if evidence.fact:
        return _fact(question)
    found = [
        _of_sums(units, question)
        if units.scale == "sums"
        else _of_differences(units, question, criteria, evidence.allowance)
        for units in evidence.ways
    ]
    careful = _most_careful(found, criteria.least)
    return replace(careful, n=len(pairs.a), evidence=evidence.name)


def decide(measurements: Sequence[Measurement | None], criteria: Criteria) -> list[Decision]:
    """Return the words of one family of tests.

    What is None, or has a p-value that is NaN, takes no power from the others.
    """
    columns = [_raw(found, criteria) for found in measurements]
    if criteria.family == "two-sided":
        ups = downs = holm([_two_sided(*pair) for pair in columns]).tolist()
    else:
        ups, downs = (holm([pair[k] for pair in columns]).tolist() for k in (0, 1))
    return [
        _decision(found, up, down, criteria)
        for found, up, down in zip(measurements, ups, downs, strict=True)
    ]


def ends_of(margin: Margin, scale: Scale) -> tuple[float, float]:
    """Return both ends of a margin on a scale: of a ratio as much down as up in its logarithm."""
    if scale == "sums":
        return margin.ratios
    if scale == "log":
        return -math.log1p(margin.value), math.log1p(margin.value)
    return (margin.ratios[0] - 1 if margin.relative else -margin.value), margin.value


def _raw(found: Measurement | None, criteria: Criteria) -> tuple[float, float]:
    if found is None or found.is_fact or found.units < criteria.least:
        return math.nan, math.nan
    return found.p_up, found.p_down


def _two_sided(p_up: float, p_down: float) -> float:
    return math.nan if math.isnan(p_up) else min(1.0, 2 * min(p_up, p_down))


def _decision(
    found: Measurement | None, p_up: float, p_down: float, criteria: Criteria
) -> Decision:
    if found is None:
        return Decision("invalid", math.nan, math.nan)
    if found.equal:
        return Decision("same", math.nan, math.nan)
    more_is_worse = found.better == "lower"
    rises: Word = "worse" if more_is_worse else "better"
    falls: Word = "better" if more_is_worse else "worse"
    low, high = ends_of(found.margin, found.scale)
    if found.evidence == "exact":
        word = rises if found.estimate > high else falls if found.estimate < low else "same"
        return Decision(word, math.nan, math.nan)
    up_first = criteria.family == "each side" or found.p_up < found.p_down
    if p_up <= criteria.error and found.estimate > high and up_first:
        return Decision(rises, p_up, p_down)
    if p_down <= criteria.error and found.estimate < low:
        return Decision(falls, p_up, p_down)
    enough = found.units >= criteria.least
    return Decision(
        "same" if enough and found.p_within <= criteria.passing else "ambiguous", p_up, p_down
    )


def _bounds(
    question: Question, scale: Scale, criteria: Criteria, allowance: float, slack: float
) -> _Bounds:
    low, high = ends_of(question.margin, scale)
    null = (low - slack, high + slack) if criteria.null == "margin" else (-allowance, allowance)
    if criteria.same == "equivalent":
        return _Bounds(null, (low + slack, high - slack))
    worse_is_more = question.better == "lower"
    return _Bounds(null, (-math.inf, high) if worse_is_more else (low, math.inf))


def _of_differences(
    units: Units, question: Question, criteria: Criteria, allowance: float
) -> Measurement:
    """Measure what subtracts: qualities, and logarithms of costs."""
    slack = question.slack
    bounds = _bounds(question, units.scale, criteria, allowance, slack)
    found = units.effect()
    center = found.estimate
    few = len(units.a) < criteria.least and criteria.null == "no change"
    within = 1.0
    if bounds.same[0] < center < bounds.same[1] and not few:
        sides = [units.p_beyond(bounds.same[0], "above")] if bounds.same[0] > -math.inf else []
        sides += [units.p_beyond(bounds.same[1], "below")] if bounds.same[1] < math.inf else []
        within = max(sides)
    return Measurement(
        question.better, question.margin, units.scale,
        center, found.low - slack, found.high + slack, found.n, found.clusters,
        units.p_beyond(bounds.null[1], "above") if center > bounds.null[1] and not few else 1.0,
        units.p_beyond(bounds.null[0], "below") if center < bounds.null[0] and not few else 1.0,
        within, note=found.note,
    )  # fmt: skip


def _of_sums(units: Units, question: Question) -> Measurement:
    """Measure a cost that is zero for some case: the ratio of sums."""
    (low, high), mean, more = (
        question.margin.ratios,
        float(units.a.mean()),
        math.exp(question.slack),
    )
    whole = float(units.b.mean()) / mean if mean else math.inf
    rest = units.effect(whole if mean else 0.0)
    within = 1.0
    if low * more < whole < high / more:
        inner = (
            units.p_beyond(0.0, "above", low * more), units.p_beyond(0.0, "below", high / more)
        )  # fmt: skip
        within = max(inner)
    return Measurement(
        question.better, question.margin, "sums",
        whole,
        max(0.0, whole + rest.low / mean) / more if mean else math.nan,
        (whole + rest.high / mean) * more if mean else math.nan,
        rest.n, rest.clusters,
        units.p_beyond(0.0, "above", high * more) if whole > high * more else 1.0,
        units.p_beyond(0.0, "below", low / more) if whole < low / more else 1.0,
        within, note="; ".join(filter(None, [rest.note, SUMS])),
    )  # fmt: skip


def _fact(question: Question) -> Measurement:
    """Compare the sums of a count that repeats itself: a fact about these cases."""
    a, b = (case_means(question.pairs, side) for side in (question.pairs.a, question.pairs.b))
    total, other = float(a.sum()), float(b.sum())
    effect = (other - total) / total if total else math.copysign(math.inf, other - total)
    n = len(question.pairs.a)
    note = f"changed in {changed_cases(a, b)} of {len(a)} cases"
    return Measurement(
        question.better, question.margin, "linear", effect, effect, effect, n, len(a),
        evidence="exact", note=note,
    )  # fmt: skip


def changed_cases(a: FloatArray, b: FloatArray) -> int:
    """Return in how many cases two columns differ by more than rounding."""
    return int((~np.isclose(a, b, rtol=ROUNDING, atol=0.0)).sum())


def _most_careful(found: Sequence[Measurement], least: int) -> Measurement:
    """Of the ways that have enough units return the first, with the widest interval and the
    largest p-values of all of them.
    """
    able = [one for one in found if one.units >= least] or found[:1]
    return replace(
        able[0],
        low=min(one.low for one in able),
        high=max(one.high for one in able),
        units=min(one.units for one in able),
        p_up=max(one.p_up for one in able),
        p_down=max(one.p_down for one in able),
        p_within=max(one.p_within for one in able),
    )
