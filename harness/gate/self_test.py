"""A gate that gates itself: how often it cries wolf on this machine, and what it would miss.

Real rounds are measured of the same code twice (A/A), and of the same code against itself with
a planted slowdown (A/B): the method's own `solve` really does more work, hashing for 5 % of the
time that the call just took; nothing sleeps. The two kinds of round alternate.

A gate takes `first` rounds. From the n rounds of a kind many gates are drawn: `first` of them
without repetition and, in A/A, with both sides exchanged in a random half of them, which equal code
allows. Every drawn gate is judged by the rule of the real one. Their share of alarms
estimates the false-alarm rate, their share of alarms in A/B the power; as drawn gates share
rounds, the first rests on n rounds, however many gates are drawn.

Measured with `adabench gate --self-test paging/lru`, two virtual cores, 8 rounds of 3.3 s a gate:
on a quiet machine (28 rounds of a kind) 0 of 500 gates of equal code raised an alarm and 500 of 500
found the planted 5 %, which measured +5.2 %; beside six other jobs (16 rounds) 1 of 500 and 500 of
500, at +7.8 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from adabench.harness.compare.pair_verdicts import MEASURED, Question
from adabench.harness.compare.pairing import MetricPairs
from adabench.harness.compare.units import rounds_of
from adabench.harness.gate.judge import Rule, judge
from adabench.harness.gate.rounds import STRIDE
from adabench.harness.stats.intervals import FloatArray, IntArray
from adabench.harness.stats.trimmed_mean import center

DRAWN = 500
SEED = 7


@dataclass(frozen=True)
class SelfTestResult:
    """What the gate did on this machine."""

    rounds: int
    """Of either kind."""
    gates: int
    """Drawn of either kind."""
    first: int
    """Rounds in a gate."""
    alarms: int
    """A/A gates with a false alarm."""
    found: int
    """A/B gates in which every cell's slowdown was found."""
    found_cells: float
    """Share of cells found slower, over all A/B gates."""
    planted: float
    seen: float
    """The planted slowdown as it was measured: the median over cells."""
    spread: float
    """Standard deviation, over rounds, of the log ratio of equal code: the largest cell's."""
    furthest: float
    """The largest change that one round of equal code showed, either way."""


def run_self_test(
    same: Sequence[Question], slowed: Sequence[Question], rule: Rule, first: int, planted: float
) -> SelfTestResult:
    """Draw gates from recorded rounds and judge them; timings only.

    Raises:
        ValueError: if there are fewer than `first` rounds.
    """
    same, slowed = (
        [question for question in side if question.kind in MEASURED] for side in (same, slowed)
    )
    rng = np.random.default_rng(SEED)
    n = min(len(_rounds(question)) for question in (*same, *slowed))
    if n < first:
        raise ValueError(f"A gate takes {first} rounds and only {n} were measured.")
    alarms = found = cells = 0
    for _ in range(DRAWN):
        chosen = rng.permutation(n)[:first]
        flips = rng.random(first) < 0.5
        aa = judge([_drawn(question, chosen, flips) for question in same], rule)
        alarms += any(row.verdict == "worse" for row in aa)
        still = np.zeros(first, np.bool_)
        ab = judge([_drawn(question, chosen, still) for question in slowed], rule)
        slower = [row.verdict == "worse" for row in ab]
        found += all(slower)
        cells += sum(slower)
    levels = [_levels(question) for question in same]
    seen = float(np.median([np.expm1(center(_levels(question))[0]) for question in slowed]))
    return SelfTestResult(
        n, DRAWN, first, alarms, found, cells / (DRAWN * len(slowed)), planted, seen,
        max(float(level.std(ddof=1)) for level in levels),
        max(float(np.expm1(np.abs(level).max())) for level in levels),
    )  # fmt: skip


def _rounds(question: Question) -> IntArray:
    return np.unique(question.pairs.block // STRIDE)


def _levels(question: Question) -> FloatArray:
    """Return the mean over cases of each round's median log ratios."""
    return rounds_of(question.pairs, STRIDE)


def _drawn(question: Question, chosen: IntArray, flips: npt.NDArray[np.bool_]) -> Question:
    """Return the question on some of its rounds, the sides of some of them exchanged."""
    pairs = question.pairs
    names = _rounds(question)[chosen]
    keep = np.isin(pairs.block // STRIDE, names)
    block = pairs.block[keep]
    flipped = np.isin(block // STRIDE, names[flips])
    a, b = pairs.a[keep], pairs.b[keep]
    return replace(question, pairs=MetricPairs(
        pairs.cell, pairs.metric, np.where(flipped, b, a), np.where(flipped, a, b),
        pairs.seed[keep], pairs.case[keep], block,
    ))  # fmt: skip
