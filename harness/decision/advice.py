"""What pays on a model: each way to spend more against one greedy answer, on the same questions.

    advice = advice_of(found, "greedy")        found: by option, its answers to questions
    advice.sentence

The gain of an option is the mean difference of right answers over the questions that both answered, with the
95 % interval of paired yes-or-no answers. An option *gains* if its interval lies above 0 and its p-value, corrected
for all options by Holm, is below 0.025; it gains *nothing that counts* if its interval lies below five points. Of those
that gain the one with the most right answers is advised, a cheaper one if it is not told from that.
What is neither is undecided, and the questions that would decide it are counted.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np

from adabench.harness.errors import SelectionError
from adabench.harness.plan.quantities import Prices
from adabench.harness.stats.multiple_testing import holm
from adabench.harness.stats.paired_answers import answers_interval, score

MARGIN = 0.05
"""A gain below five points counts as none: it is bought by several times the tokens."""
ALPHA = 0.025
"""One-sided, as the interval's end is."""
Z_975, Z_90 = 1.96, 1.2816
Word = Literal["baseline", "gains", "gains nothing", "loses", "undecided"]


@dataclass(frozen=True)
class Answered:
    """A question as an option answered it."""

    right: float
    generated: float
    prefilled: float
    serial_steps: float


@dataclass(frozen=True)
class OptionAdvice:
    """What one way to spend more is worth."""

    option: str
    questions: int
    accuracy: float
    gain: float
    low: float
    high: float
    p: float
    """Against no gain, corrected for all options."""
    tokens: float
    """Generated for a question."""
    ratio: float
    """Of tokens to those of the baseline, on the same questions."""
    serial_steps: float
    price: float | None
    """For a thousand questions."""
    slowest_s: float | None
    """Of the answers that were timed; None where none was."""
    word: Word
    needed: int
    """Questions that would tell a gain of the margin, with power 0.9."""


@dataclass(frozen=True)
class Advice:
    """What is advised, and why."""

    baseline: OptionAdvice
    options: tuple[OptionAdvice, ...]
    """All others, the cheapest first."""
    chosen: str
    sentence: str
    longer: str
    """What more questions would tell."""


Answers = Mapping[int, Answered]
"""By question."""


@dataclass(frozen=True)
class AdviceLimits:
    """What may be advised."""

    ratio: float = math.inf
    """The most tokens, in those of the baseline."""
    deadline_s: float = math.inf
    """The longest that an answer may take, of those that were timed."""

    def allows(self, one: OptionAdvice) -> bool:
        """Return whether an option stays within them; one that was not timed keeps no deadline."""
        if math.isfinite(self.deadline_s) and (
            one.slowest_s is None or one.slowest_s > self.deadline_s
        ):
            return False
        return one.ratio <= self.ratio

    def __str__(self) -> str:
        """Say what they are."""
        tokens = f"{self.ratio:g} times its tokens" if math.isfinite(self.ratio) else ""
        wait = f"{self.deadline_s:g} s an answer" if math.isfinite(self.deadline_s) else ""
        return " or ".join(part for part in (tokens, wait) if part)


def advice_of(
    found: Mapping[str, Answers],
    baseline: str,
    prices: Prices | None = None,
    limits: AdviceLimits = AdviceLimits(),
    slowest_s: Mapping[str, float] = MappingProxyType({}),
) -> Advice:
    """Return what to use within limits; `slowest_s` is by option its slowest answer.

    Raises:
        SelectionError: without answers of the baseline.
    """
    base = found.get(baseline)
    if not base:
        raise SelectionError(
            f"No question was answered by {baseline}, so nothing can be held against it.",
            "Give it more time.",
        )
    names = [name for name in found if name != baseline and found[name].keys() & base.keys()]
    ps = [float(p) for p in holm([_p_gain(found[name], base) for name in names])] if names else []
    options = [
        replace(_option(name, found[name], base, p, prices), slowest_s=slowest_s.get(name))
        for name, p in zip(names, ps, strict=True)
    ]
    options.sort(key=lambda one: (one.ratio, one.option))
    own = replace(_option(baseline, base, base, 1.0, prices), slowest_s=slowest_s.get(baseline))
    chosen = _chosen([one for one in options if limits.allows(one)], found)
    sentence = _sentence(chosen, options, own, limits)
    if not limits.allows(own) and chosen is None and options:
        sentence += (
            f" An answer of {baseline} may take longer itself: {own.slowest_s or math.nan:.2g} s."
        )
    return Advice(own, tuple(options), chosen or baseline, sentence, _longer(options))


def _shared(one: Answers, other: Answers) -> list[int]:
    return sorted(one.keys() & other.keys())


def _gaps(one: Answers, base: Answers) -> np.ndarray:
    return np.array([one[i].right - base[i].right for i in _shared(one, base)])


def _p_gain(one: Answers, base: Answers) -> float:
    """Return the one-sided p-value against no gain."""
    gaps = _gaps(one, base)
    z = score(len(gaps), float((gaps > 0).sum()), float((gaps < 0).sum()), 0.0)
    return 0.5 * math.erfc(z / math.sqrt(2))


def _option(
    name: str, own: Answers, base: Answers, p: float, prices: Prices | None
) -> OptionAdvice:
    places = _shared(own, base)
    gaps = _gaps(own, base)
    low, high = answers_interval(gaps) if own is not base else (0.0, 0.0)
    mean = {
        what: float(np.mean([getattr(own[i], what) for i in places]))
        for what in ("right", "generated", "prefilled", "serial_steps")
    }
    tokens = float(np.mean([base[i].generated for i in places]))
    price = None
    if prices is not None:
        price = prices.per_thousand(mean["prefilled"], mean["generated"])
    word: Word = "undecided"
    if own is base:
        word = "baseline"
    elif p < ALPHA and low > 0:
        word = "gains"
    elif high < 0:
        word = "loses"
    elif high < MARGIN:
        word = "gains nothing"
    discordant = (float((gaps != 0).sum()) + 1) / (len(gaps) + 2)
    needed = math.ceil(discordant * ((Z_975 + Z_90) / MARGIN) ** 2)
    return OptionAdvice(
        name, len(places), mean["right"], float(gaps.mean()), low, high, p, mean["generated"],
        mean["generated"] / tokens if tokens else math.nan, mean["serial_steps"], price, None, word,
        needed,
    )  # fmt: skip


def _chosen(options: Sequence[OptionAdvice], found: Mapping[str, Answers]) -> str | None:
    """Return the best of those that gain; the cheapest of them that is not told from it."""
    gaining = [one for one in options if one.word == "gains"]
    if not gaining:
        return None
    best = max(gaining, key=lambda one: (one.gain, -one.ratio))
    for one in gaining:  # the cheapest first
        if one is best or _p_gain(found[best.option], found[one.option]) >= ALPHA:
            return one.option
    return best.option


def _sentence(
    chosen: str | None, options: Sequence[OptionAdvice], own: OptionAdvice, limits: AdviceLimits
) -> str:
    if not options:
        return f"Nothing beside {own.option} ran here: use {own.option}."
    if chosen is not None:
        one = next(one for one in options if one.option == chosen)
        return (
            f"{one.option} gains {_points(one)} on {own.option} for {one.ratio:.1f} times the tokens: "
            f"use {one.option}."
        )
    gaining = [one for one in options if one.word == "gains"]
    if gaining:
        one = min(gaining, key=lambda one: one.ratio)
        return (
            f"What gains on {own.option} costs more than {limits}: {one.option} gains {_points(one)} for "
            f"{one.ratio:.1f} times{_wait(one)}. Within that, use {own.option}."
        )
    one = max(options, key=lambda one: (one.low, -one.ratio))  # few questions show little
    if all(one.word in ("gains nothing", "loses") for one in options):
        return (
            f"Nothing that was tried gains {100 * MARGIN:.0f} points or more on {own.option}; the best, {one.option}, "
            f"costs {one.ratio:.1f} times its tokens and gains {_points(one)}: use {own.option}."
        )
    chance = f" (one of {len(options)} options may look so by chance)" if one.low > 0 else ""
    return (
        f"No gain on {own.option} is shown on {own.questions} questions; the best, {one.option}, costs "
        f"{one.ratio:.1f} times its tokens and gains {_points(one)}{chance}: use {own.option} until it is."
    )


def _wait(one: OptionAdvice) -> str:
    return "" if one.slowest_s is None else f" and {one.slowest_s:.2g} s"


def _points(one: OptionAdvice) -> str:
    return f"{100 * one.gain:+.1f} points [{100 * one.low:+.1f}, {100 * one.high:+.1f}]"


def _longer(options: Sequence[OptionAdvice]) -> str:
    undecided = [one for one in options if one.word == "undecided"]
    if not undecided:
        return "More questions would change no word."
    one = min(undecided, key=lambda one: one.needed)
    most = max(undecided, key=lambda one: one.needed)
    return (
        f"{len(undecided)} of {len(options)} options are undecided at {100 * MARGIN:.0f} points: {one.option} takes "
        f"about {one.needed:,} questions, {most.option} {most.needed:,}."
    )
