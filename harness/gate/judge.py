"""Is HEAD worse than BASE? One verdict for every operating point and metric, one exit code for all.

**Evidence.** What is random decides what a repetition is worth, so metrics are told apart:

- `equal`: the same value on every pair. Nothing to test: `same`.
- `exact`: a count that repeated itself bit for bit in either run, and differs. It is a fact
  about these cases; its sum against the margin decides, without a test.
- `cases`: a quality (or a count that was not repeated). The cases of the plan's seeds are the
  units, repeats are averaged first; one more repeat of the same case is no further evidence.
- `rounds`: a timing, an energy or a peak of memory of interleaved runs. A process keeps for
  life what it was dealt at its start (where its memory lies), so a *round*, in which both
  revisions start anew, is the unit: the median over the pairs of a case, the mean over cases;
  some rounds are disturbed as a whole, so their mean and its test are robust (`trimmed_mean.py`).
- `processes`: the same of two runs that were not interleaved. The blocks (seed, repeat) inside
  them say nothing about what a process or an hour brings, so a change counts as worse only
  beyond an allowance for that; interleave (`--rev`) to see less.

**Verdicts**, in the direction of good of the task's card, with a margin m (`margins.py`):

- `worse`: the one-sided p-value of "no change" (for `processes`: of "a change within the
  allowance"), by Holm over everything the gate tests, is at most alpha, **and** the estimate
  lies beyond m. So of gates of equal code at most alpha = 1 % raise even one false alarm.
- `better`: the same on the other side.
- `same`: a change for the worse by m or more is refuted at 5 %. All have to pass, so no
  correction is needed (an intersection of hypotheses, each at its level).
- `ambiguous`: neither. `invalid`: no comparison, with the reason.

**Looks.** Further rounds repeat the tests, so both levels are shared out over the looks that the
plan allows (`rounds.py`; a weighted Bonferroni, which no dependence between looks can hurt). The
first look takes `FIRST_SHARE`: it has the fewest rounds, so a small level costs it most. At 8
rounds Student's t has to reach 3.3 there, with four equal shares 4.0; at 16 rounds 0.1 instead of
0.25 of the level moves it from 3.3 to 3.7, and the scatter of the mean has fallen by 1.4.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from adabench.harness.compare.margins import Kind, Margin
from adabench.harness.compare.pairing import Paired
from adabench.harness.contract.record import Cell
from adabench.harness.stats import trimmed_mean as robust
from adabench.harness.stats.intervals import FloatArray, IntArray
from adabench.harness.stats.multiple_testing import holm
from adabench.harness.stats.paired import Clusters, Side, difference, p_beyond

Word = Literal["worse", "ambiguous", "invalid", "better", "same"]
Evidence = Literal["none", "equal", "exact", "cases", "rounds", "processes"]
WORDS: tuple[Word, ...] = ("worse", "invalid", "ambiguous", "better", "same")
MEASURED: frozenset[Kind] = frozenset({"timing", "energy", "memory"})
FIRST_SHARE = 0.7
"""Of the error probabilities, for the first of several looks; the others share the rest alike."""
ALIKE = 1e-9
"""Relative: sums of floats in another order are no change."""
LEAST = 4
"""Units below which no verdict is drawn from a test."""


@dataclass(frozen=True)
class Rule:
    """How sure a verdict has to be; fixed before anything is measured."""

    alpha: float = 0.01
    """Probability of even one false alarm in a gate of equal code."""
    passing: float = 0.05
    """Of calling a change by the margin `same`, metric by metric."""
    looks: int = 1
    """As many as the plan allows."""
    look: int = 1
    """Which of them this is."""
    stride: int | None = None
    """Repeats `r * stride` to `(r + 1) * stride - 1` belong to round r; None: not interleaved."""
    allowance: float = 0.3
    """What two runs of equal code may differ by if they were not interleaved. Of 36 pairs (three
    `paging` methods, runs two seconds apart on a shared two-core machine) the furthest lay 28 %
    apart; the standard deviations were 5 % to 10 %."""

    def level(self, error: float) -> float:
        """Return this look's share of an error probability."""
        if self.looks == 1:
            return error
        rest = (1 - FIRST_SHARE) / (self.looks - 1)
        return error * (FIRST_SHARE if self.look == 1 else rest)


@dataclass(frozen=True, eq=False)
class Question:
    """One metric of one operating point, ready to be judged."""

    pairs: Paired
    kind: Kind
    better: Literal["higher", "lower"]
    margin: Margin
    invalid: str = ""
    """Why it is no comparison."""


@dataclass(frozen=True)
class Judged:
    """The verdict on one metric of one operating point."""

    cell: Cell
    metric: str
    verdict: Word
    evidence: Evidence
    margin: Margin
    relative: bool
    """The effect is a relative change (0.05 for +5 %), else a difference."""
    effect: float | None = None
    low: float | None = None
    """Of the 95 % interval of this metric alone."""
    high: float | None = None
    n: int = 0
    units: int = 0
    p_worse: float | None = None
    """Of "no change", against a change for the worse; by Holm over the gate."""
    p_better: float | None = None
    p_margin: float | None = None
    """Of "worse by the margin or more", against anything less; not adjusted."""
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {**asdict(self), "cell": self.cell.to_json(), "margin": str(self.margin)}


@dataclass(frozen=True)
class _Units:
    """Independent differences of HEAD minus BASE on a scale where 0 is no change."""

    a: FloatArray
    b: FloatArray
    logarithmic: bool
    robust: bool
    """They are interleaved rounds, a few of which may have been disturbed."""

    @property
    def clusters(self) -> Clusters:
        one: IntArray = np.zeros(len(self.a), np.intp)  # averaged already: every pair is a unit
        return Clusters(one, np.arange(len(self.a)), one)

    def effect(self) -> tuple[float, float, float]:
        """Return the mean and the two ends of its interval."""
        if self.robust:
            return robust.center(self.b - self.a)
        found = difference(self.a, self.b, self.clusters, over="block")
        return found.estimate, found.low, found.high

    def beyond(self, end: float, side: Side) -> float:
        if self.robust:
            return robust.p_beyond(self.b - self.a, end, side)
        return p_beyond(self.a, self.b, self.clusters, end, "difference", side, over="block")


def judge(questions: Iterable[Question], rule: Rule) -> list[Judged]:
    """Return the verdicts, in the order of the questions."""
    first = [_looked_at(question, rule) for question in questions]
    worse, better = (
        holm([math.nan if p is None else p for p in column])
        for column in ([row.p_worse for row in first], [row.p_better for row in first])
    )
    return [
        row if row.verdict != "ambiguous" or row.p_worse is None
        else _decided(replace(row, p_worse=float(worse[i]), p_better=float(better[i])), sign, rule)
        for i, (row, sign) in enumerate(zip(first, map(_sign, questions), strict=True))
    ]  # fmt: skip


def exit_code(judged: Sequence[Judged]) -> int:
    """Return 1 for a regression, 3 for something invalid (or nothing), 5 ambiguous, 0 pass."""
    words = {row.verdict for row in judged}
    if "worse" in words:
        return 1
    if "invalid" in words or not judged:
        return 3
    return 5 if "ambiguous" in words else 0


def broken(cell: Cell, note: str, word: Word) -> Judged:
    """Return the verdict on an operating point that has no values on one side."""
    return Judged(cell, "status", word, "none", Margin(0.0, True), True, note=note)


def _sign(question: Question) -> float:
    """Return the direction of worse: +1 if more is worse."""
    return 1.0 if question.better == "lower" else -1.0


def _looked_at(question: Question, rule: Rule) -> Judged:
    """Judge what needs no test; for the rest return raw p-values and the word ambiguous."""
    pairs, relative = question.pairs, question.kind != "quality"
    row = Judged(pairs.cell, pairs.metric, "invalid", "none", question.margin, relative,
                 n=len(pairs.a), note=question.invalid)  # fmt: skip
    if question.invalid:
        return row
    if not len(pairs.a):  # on a busy machine another round may tell
        word: Word = "invalid" if rule.stride is None else "ambiguous"
        return replace(row, verdict=word, note="no measurement of it ran undisturbed")
    if np.allclose(pairs.a, pairs.b, rtol=ALIKE, atol=0.0):
        return replace(row, verdict="same", evidence="equal", effect=0.0, low=0.0, high=0.0)
    measured = question.kind in MEASURED
    if not measured and question.kind == "count" and repeats_itself(pairs):
        return _exact(row, question)
    interleaved = rule.stride is not None
    evidence: Evidence = "cases" if not measured else "rounds" if interleaved else "processes"
    units = _measured(pairs, rule.stride) if measured else _cases(pairs, relative)
    return _tested(replace(row, evidence=evidence), units, question, rule)


def _exact(row: Judged, question: Question) -> Judged:
    a, b = (_means(question.pairs, side) for side in (question.pairs.a, question.pairs.b))
    total, other = float(a.sum()), float(b.sum())
    effect = (other - total) / total if total else math.copysign(math.inf, other - total)
    low, high = _ends(question.margin)
    loss = _sign(question) * effect
    bounds = (-low, high) if _sign(question) > 0 else (high, -low)
    word: Word = "worse" if loss > bounds[1] else "better" if loss < -bounds[0] else "same"
    changed = int((~np.isclose(a, b, rtol=ALIKE, atol=0.0)).sum())
    note = f"changed in {changed} of {len(a)} cases"
    return replace(row, verdict=word, evidence="exact", effect=effect, low=effect, high=effect,
                   units=len(a), note=note)  # fmt: skip


def _tested(row: Judged, units: _Units, question: Question, rule: Rule) -> Judged:
    found = units.effect()
    effect, low, high = (
        _change(end) if units.logarithmic and end is not None else end
        for end in map(_finite, found)
    )
    row = replace(row, effect=effect, low=low, high=high, units=len(units.a))
    if len(units.a) < LEAST:
        what = {"cases": "cases", "rounds": "rounds"}.get(row.evidence, "blocks (seed, repeat)")
        note = f"{len(units.a)} {what} only, at least {LEAST} are needed"
        return replace(row, verdict="ambiguous", note=note)
    worse: Side = "above" if question.better == "lower" else "below"
    good: Side = "below" if worse == "above" else "above"
    free = math.log1p(rule.allowance) if row.evidence == "processes" else 0.0
    end = _bad_end(question, logarithmic=units.logarithmic)
    sign = _sign(question)
    loss = sign * found[0]  # the other side's p-value is above a half, and decides nothing
    return replace(
        row,
        verdict="ambiguous",
        p_worse=units.beyond(sign * free, worse) if loss > 0 else 1.0,
        p_better=units.beyond(-sign * free, good) if loss < 0 else 1.0,
        p_margin=units.beyond(end, good),
    )


def _decided(row: Judged, sign: float, rule: Rule) -> Judged:
    """Return the verdict on a tested row whose p-values are adjusted."""
    assert row.effect is not None
    worse, better, margin = row.p_worse, row.p_better, row.p_margin
    assert worse is not None
    assert better is not None
    assert margin is not None
    low, high = _ends(row.margin)
    beyond_bad = row.effect > high if sign > 0 else row.effect < low
    beyond_good = row.effect < low if sign > 0 else row.effect > high
    level = rule.level(rule.alpha)
    if worse <= level and beyond_bad:
        return replace(row, verdict="worse")
    if better <= level and beyond_good:
        return replace(row, verdict="better")
    if margin <= rule.level(rule.passing):
        return replace(row, verdict="same")
    return replace(row, note=_why_ambiguous(row, beyond_bad))


def _why_ambiguous(row: Judged, beyond: bool) -> str:
    if row.evidence == "processes" and beyond:
        return "two processes of the same code may differ by as much; only --rev can tell"
    return "more rounds would tell" if row.evidence == "rounds" else "more cases would tell"


def _ends(margin: Margin) -> tuple[float, float]:
    """Return both ends of a margin as a change: of a ratio as much down as up in its logarithm."""
    if margin.relative:
        return margin.ratios[0] - 1, margin.value
    return -margin.value, margin.value


def _bad_end(question: Question, *, logarithmic: bool) -> float:
    low, high = _ends(question.margin)
    end = high if question.better == "lower" else low
    return math.log1p(end) if logarithmic else end


def repeats_itself(pairs: Paired) -> bool:
    """Say whether every case was measured at least twice and gave the same every time."""
    keys = np.stack([pairs.seed, pairs.case])
    _, back, count = np.unique(keys, axis=1, return_inverse=True, return_counts=True)
    if count.min() < 2:
        return False
    order = np.argsort(back.reshape(-1), kind="stable")
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    return all(
        np.array_equal(np.maximum.reduceat(side[order], start),
                       np.minimum.reduceat(side[order], start))
        for side in (pairs.a, pairs.b)
    )  # fmt: skip


def _cases(pairs: Paired, relative: bool) -> _Units:
    """Return one unit a case; of a count (which may be zero) relative to the mean of BASE."""
    a, b = _means(pairs, pairs.a), _means(pairs, pairs.b)
    if relative and (scale := float(np.abs(a).mean())) > 0:
        a, b = a / scale, b / scale
    return _Units(a, b, logarithmic=False, robust=False)


def _measured(pairs: Paired, stride: int | None) -> _Units:
    """Return one unit a round, or a block of seed and repeat."""
    means = rounds_of(pairs, stride)
    return _Units(np.zeros(len(means)), means, logarithmic=True, robust=stride is not None)


def rounds_of(pairs: Paired, stride: int | None) -> FloatArray:
    """Return what each round says: the mean over cases of the median of log ratios."""
    known = (pairs.a > 0) & (pairs.b > 0)
    logs = np.log(pairs.b[known]) - np.log(pairs.a[known])
    seed, case, block = pairs.seed[known], pairs.case[known], pairs.block[known]
    blocks = seed * (int(block.max(initial=0)) + 1) + block
    outer = blocks if stride is None else block // stride
    order = np.lexsort((logs, case, seed, outer))
    keys = np.stack([outer, seed, case])[:, order]
    new = np.concatenate([[True], np.any(keys[:, 1:] != keys[:, :-1], axis=0)])[: len(order)]
    start = np.flatnonzero(new)
    size = np.diff(np.append(start, len(order)))
    ordered = logs[order]
    medians = (ordered[start + (size - 1) // 2] + ordered[start + size // 2]) / 2
    _, rounds = np.unique(keys[0, start], return_inverse=True)
    return np.asarray(np.bincount(rounds, medians) / np.bincount(rounds), np.float64)


def _means(pairs: Paired, values: FloatArray) -> FloatArray:
    """Return the mean of each (seed, case) over its repeats."""
    keys = np.stack([pairs.seed, pairs.case])
    _, back = np.unique(keys, axis=1, return_inverse=True)
    back = back.reshape(-1)
    return np.asarray(np.bincount(back, values) / np.bincount(back), np.float64)


def _change(log_ratio: float) -> float:
    return math.expm1(min(log_ratio, 700.0))  # beyond it the ratio is no float


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def counts(judged: Iterable[Judged]) -> Mapping[str, int]:
    """Return how often each word was given."""
    words = [row.verdict for row in judged]
    return {word: words.count(word) for word in WORDS}
