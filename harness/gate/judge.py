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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from adabench.harness.compare.margins import Margin
from adabench.harness.compare.pair_verdicts import (
    MEASURED,
    Criteria,
    Decision,
    Evidence,
    Measurement,
    Question,
    Word,
    decide,
    ends_of,
    measure,
)
from adabench.harness.compare.units import case_units, repeats_itself, round_units
from adabench.harness.contract.record import Cell

EvidenceName = Literal["none", "equal", "exact", "cases", "rounds", "processes"]
WORDS: tuple[Word, ...] = ("worse", "invalid", "ambiguous", "better", "same")
FIRST_SHARE = 0.7
"""Of the error probabilities, for the first of several looks; the others share the rest alike."""
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

    def criteria(self) -> Criteria:
        """Return what a word of this look takes."""
        return Criteria(
            self._evidence, self.level(self.alpha), self.level(self.passing),
            null="no change", same="not worse", family="each side", least=LEAST,
        )  # fmt: skip

    def _evidence(self, question: Question) -> Evidence:
        pairs = question.pairs
        if question.kind in MEASURED:
            units = [round_units(pairs, self.stride)]
            if self.stride is not None:
                return Evidence("rounds", units)
            return Evidence("processes", units, allowance=math.log1p(self.allowance))
        if question.kind == "count" and repeats_itself(pairs):
            return Evidence("exact", (), fact=True)
        return Evidence("cases", [case_units(pairs, relative=question.kind != "quality")])


@dataclass(frozen=True)
class GateVerdict:
    """The verdict on one metric of one operating point."""

    cell: Cell
    metric: str
    verdict: Word
    evidence: EvidenceName
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
    by_meter: bool = False
    """Of a clock or an energy meter: a busy machine may spoil it, and no count."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {**asdict(self), "cell": self.cell.to_json(), "margin": str(self.margin)}


def judge(questions: Iterable[Question], rule: Rule) -> list[GateVerdict]:
    """Return the verdicts, in the order of the questions."""
    asked, criteria = list(questions), rule.criteria()
    found = [
        None if question.invalid or not len(question.pairs.a) else measure(question, criteria)
        for question in asked
    ]
    return [
        _missing(question, rule) if one is None else _row(question, one, decision)
        for question, one, decision in zip(asked, found, decide(found, criteria), strict=True)
    ]


def exit_code(judged: Sequence[GateVerdict], require: Collection[str] = ()) -> int:
    """Return 1 for a regression, 3 for something invalid (or nothing), 5 ambiguous, 0 pass.

    What a busy machine spoilt, a time or an energy, is invalid and fails nothing, unless `require` names it.
    """
    if any(row.verdict == "worse" for row in judged):
        return 1
    held = [row for row in judged if not _is_exempt(row, require)]
    words = {row.verdict for row in held}
    if "invalid" in words or not held or missing_metrics(judged, require):
        return 3
    return 5 if "ambiguous" in words else 0


def missing_metrics(judged: Sequence[GateVerdict], require: Collection[str]) -> list[str]:
    """Return the metrics that are required and of which nothing valid was measured."""
    valid = [row.metric for row in judged if row.verdict != "invalid" and row.n]
    return [word for word in require if not any(is_called(metric, word) for metric in valid)]


def is_called(metric: str, word: str) -> bool:
    """Say whether a word names a metric, with its unit or without: `latency_s`, `latency`."""
    return word in (metric, metric.rpartition("_")[0])


def _is_exempt(row: GateVerdict, require: Collection[str]) -> bool:
    spoilt = row.verdict == "invalid" or (row.verdict == "ambiguous" and not row.n)
    return row.by_meter and spoilt and not any(is_called(row.metric, word) for word in require)


def verdict_without_values(cell: Cell, note: str, word: Word) -> GateVerdict:
    """Return the verdict on an operating point that has no values on one side."""
    return GateVerdict(cell, "status", word, "none", Margin(0.0, True), True, note=note)


def _missing(question: Question, rule: Rule) -> GateVerdict:
    """Return the verdict on what cannot be tested, or has no pairs."""
    word: Word = "invalid"
    note = question.invalid
    if not note:
        note = "no measurement of it ran undisturbed"
        word = "invalid" if rule.stride is None else "ambiguous"  # another round may tell
    pairs = question.pairs
    return GateVerdict(pairs.cell, pairs.metric, word, "none", question.margin,
                  question.kind != "quality", n=len(pairs.a), note=note,
                  by_meter=question.kind in MEASURED)  # fmt: skip


def _row(question: Question, found: Measurement, decision: Decision) -> GateVerdict:
    pairs, evidence = question.pairs, _EVIDENCE[found.evidence]
    shown = _change if found.scale == "log" else float
    effect, low, high = (
        shown(end) if end is not None else None
        for end in map(_finite, (found.estimate, found.low, found.high))
    )
    if found.evidence == "exact":  # from none to some is an infinite change
        effect = low = high = found.estimate
    row = GateVerdict(pairs.cell, pairs.metric, decision.word, evidence, question.margin,
                 question.kind != "quality", effect, low, high, len(pairs.a),
                 0 if found.equal else found.units,
                 by_meter=question.kind in MEASURED)  # fmt: skip
    if found.is_fact:
        return replace(row, note=found.note)
    if found.units < LEAST:
        what = {"cases": "cases", "rounds": "rounds"}.get(evidence, "blocks (seed, repeat)")
        return replace(row, note=f"{found.units} {what} only, at least {LEAST} are needed")
    more_is_worse = question.better == "lower"
    worse, better = (
        (decision.p_up, decision.p_down) if more_is_worse else (decision.p_down, decision.p_up)
    )
    row = replace(row, p_worse=worse, p_better=better, p_margin=found.p_within)
    if decision.word != "ambiguous":
        return row
    low_end, high_end = ends_of(found.margin, found.scale)
    beyond = found.estimate > high_end if more_is_worse else found.estimate < low_end
    return replace(row, note=_why_ambiguous(row, beyond))


_EVIDENCE: Mapping[str, EvidenceName] = {
    "equal": "equal", "exact": "exact", "cases": "cases", "rounds": "rounds",
    "processes": "processes",
}  # fmt: skip


def _why_ambiguous(row: GateVerdict, beyond: bool) -> str:
    if row.evidence == "processes" and beyond:
        return "two processes of the same code may differ by as much; only --rev can tell"
    return "more rounds would tell" if row.evidence == "rounds" else "more cases would tell"


def _change(log_ratio: float) -> float:
    return math.expm1(min(log_ratio, 700.0))  # beyond it the ratio is no float


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def counts(judged: Iterable[GateVerdict]) -> Mapping[str, int]:
    """Return how often each word was given."""
    words = [row.verdict for row in judged]
    return {word: words.count(word) for word in WORDS}
