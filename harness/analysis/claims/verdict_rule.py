"""The words of a verdict, and the one rule by which an interval earns them.

On a scale where no effect is 0 and the claimed side is up (logarithms of ratios, differences):

| word | when |
|---|---|
| contradicted | the whole interval lies below no effect |
| not reproduced | a `keeping` margin is lost by its whole interval; or the whole interval falls short of the bar and includes no effect |
| reproduced | the whole interval reaches the bar, and every margin is kept by its whole interval |
| direction only | the whole interval lies above no effect, and the bar is not reached |
| undecided | anything else |

*What is worth having.* Where any change is claimed, and no number, the estimate must reach what anyone would want
(`Claim.worth`); an interval that lies wholly below it is not reproduced.

Of a claim of sameness: reproduced where the whole interval keeps the limits, not reproduced where it
lies wholly beyond them. What is certain (an identity, a theorem) `holds` or is `violated`.

*What counts as equal.* With `same` an effect must also exceed so much in the metric's own unit: 0.995
against 0.992 of the answers is 1.6 times fewer errors and no effect within `same=0.01`.

*Looks.* The ends of an interval that rests on more than a first look are moved out (`looks.py`).
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from adabench.harness.analysis.claims.evidence import Ruling
from adabench.harness.analysis.claims.looks import (
    FIRST,
    Advice,
    Sample,
    more_units,
    sample_of,
    wider,
)
from adabench.harness.analysis.claims.planned_size import Precision, size_plan
from adabench.harness.analysis.findings import VerdictWord
from adabench.harness.analysis.metric_range import is_share
from adabench.harness.analysis.operating_points import metric_of
from adabench.harness.analysis.replicates import ReplicateList
from adabench.harness.contract.card import Card
from adabench.harness.contract.claim import WORTH, Claim, bar, is_any_change, is_sameness, no_effect
from adabench.harness.contract.expectations import Monotone, Ratio, Reach
from adabench.harness.stats.intervals import Interval
from adabench.harness.stats.student_t import t975, tail

SLACK = 1e-12
LOGARITHMIC = (Ratio, Reach)


class Margin(NamedTuple):
    """Something that may get worse by so much at the most."""

    state: Literal["kept", "open", "lost"]
    reason: str = ""
    p_value: float = 0.0
    """One-sided, that it is not kept."""
    units: int = 0
    """How many trainings or seeds in all should tell, where it is open."""
    precision: Precision | None = None


class Decision(NamedTuple):
    """A word, why, and how many trainings or seeds in all should decide."""

    word: VerdictWord
    reason: str = ""
    units: int = 0


class Gap(NamedTuple):
    """The difference behind a change, in the metric's own unit, and what counts as equal."""

    interval: Interval
    same: float


class Promise(NamedTuple):
    """A promised change on the scale where no effect is 0: which way, and how far the bar lies."""

    sign: float
    bar: float


def one_replicate(claim: Claim, estimate: float | None, n: int, note: str = "") -> Ruling:
    """Return the ruling where nothing varies and nothing can."""
    reason = said("one replicate only: run more seeds", note)
    return Ruling("undecided", estimate, bar=bar(claim), n=n, reason=reason)


def rule(
    claim: Claim,
    interval: Interval,
    places: ReplicateList,
    *,
    margins: Sequence[Margin] = (),
    gap: Gap | None = None,
    worth: float = 0.0,
    note: str = "",
) -> Ruling:
    """Rule on an interval, given on the scale where no effect is 0.

    Args:
        claim: whose effect, bar and limits count.
        interval: of logarithms for ratios; without ends where nothing was replicated.
        places: the cases behind it.
        margins: what must be kept at the same time.
        gap: the difference behind the change, where the claim says what counts as equal.
        worth: the least change that anyone would want, where any change is claimed.
        note: said beside the reason.
    """
    n, sample = places.cases, sample_of(places)
    if interval.low is None or interval.high is None:
        return one_replicate(claim, in_own_terms(claim, interval.estimate), n, note)
    ends = wider(interval, sample)
    if is_sameness(claim):
        found = _sameness(claim, ends, margins, sample)
    else:
        between = None if gap is None else Gap(wider(gap.interval, sample), gap.same)
        found = _change(claim, ends, margins, between, sample, worth)
    varied = interval.low != interval.high
    told = [_precision(claim, interval, worth), *(one.precision for one in margins)]
    planned = size_plan([one for one in told if one is not None], sample) if varied else None
    if places.trainings == 1 and varied:
        found, note = _of_one_training(found, note, places)
    p_value = _p_value(claim, ends, sample) if varied else None
    if p_value is not None:
        p_value = max([p_value, *(margin.p_value for margin in margins)])
    return Ruling(
        found.word,
        in_own_terms(claim, interval.estimate),
        in_own_terms(claim, interval.low) if varied else None,
        in_own_terms(claim, interval.high) if varied else None,
        bar=bar(claim),
        n=n,
        trainings=places.trainings,
        reason=said(found.reason, note),
        p_value=p_value,
        units=found.units,
        over=places.where.over,
        power=planned.power if planned else None,
        needed=planned.needed if planned else 0,
    )


def without_cost(
    claim: Claim, side: Literal["ours", "theirs"], margins: Sequence[Margin], n: int
) -> Ruling:
    """Rule on a ratio of which one side is 0: who does away with a cost altogether has the least of it."""
    ratio = 0.0 if side == "ours" else math.inf
    least, most = limits(claim)
    inside = least <= (-math.inf if side == "ours" else math.inf) <= most
    gains = (promise(claim).sign < 0) == (side == "ours")
    lost, open_ = _reasons(margins, "lost"), _reasons(margins, "open")
    why = f"{'it has' if side == 'ours' else 'the rival has'} none of it at all"
    found = Decision("undecided", said(why, open_))
    if is_sameness(claim):
        found = Decision("reproduced", why) if inside else Decision("not reproduced", why)
    elif not gains:
        found = Decision("contradicted", why)
    if found.word == "undecided" and not open_:
        found = Decision("reproduced", why)
    if lost and found.word in ("reproduced", "undecided"):
        found = Decision("not reproduced", said(lost, why))
    estimate = ratio if math.isfinite(ratio) else None
    return Ruling(found.word, estimate, bar=bar(claim), n=n, reason=found.reason)


def _precision(claim: Claim, found: Interval, worth: float) -> Precision:
    """Return the half-width of an interval of a first look, and the distance that it must tell."""
    low, high = turned(1.0, found)
    half = max(high - found.estimate, found.estimate - low)
    if is_sameness(claim):
        return Precision(half, min(abs(end) for end in limits(claim) if math.isfinite(end)))
    _, distance = promise(claim)
    if claim.effect is None:
        return Precision(half, max(distance, worth))
    return Precision(half, min(distance, distance / claim.share - distance))


def _of_one_training(found: Decision, note: str, places: ReplicateList) -> tuple[Decision, str]:
    """Return what the cases of one training amount to: no statement about trainings rests on them."""
    if places.where.over == "cases":
        return found, note
    if places.where.over == "seeds":
        lacking = "one training only: what another would give is not in the interval"
        return found, said(note, lacking)
    alone = "" if found.word == "undecided" else f"; this one alone reads {found.word}"
    words = f"the statement is over trainings, and there is one{alone}"
    return Decision("undecided", words, min(FIRST, places.where.recipes)), note


def promise(claim: Claim) -> Promise:
    """Return which way a claim's change goes, and how far the bar lies from no effect."""
    expect, effect, at = claim.expect, claim.effect, bar(claim)
    low, high = getattr(expect, "low", None), getattr(expect, "high", None)
    if isinstance(expect, Monotone):
        falls = not expect.rising
    elif effect is not None:
        falls = effect < no_effect(expect)
    else:
        falls = high is not None and low is None
    if at is None:
        distance = 0.0
    elif isinstance(expect, LOGARITHMIC):
        distance = math.log(at)
    else:
        distance = at - no_effect(expect)
    return Promise(-1.0 if falls else 1.0, abs(distance))


def reaches(claim: Claim, estimate: float | None, worth: float) -> bool:
    """Say whether an estimate, in the terms of the claim's form, is what the claim asks for or more."""
    if estimate is None:
        return False
    if isinstance(claim.expect, LOGARITHMIC):
        value = math.log(estimate) if estimate > 0 else -math.inf
    else:
        value = estimate - no_effect(claim.expect)
    if is_sameness(claim):
        least, most = limits(claim)
        return least - SLACK <= value <= most + SLACK
    way, distance = promise(claim)
    return way * value > 0 and way * value >= max(distance, worth) - SLACK


def _change(
    claim: Claim,
    ends: Interval,
    margins: Sequence[Margin],
    gap: Gap | None,
    sample: Sample,
    worth: float,
) -> Decision:
    way, distance = promise(claim)
    low, high = turned(way, ends)
    center = way * ends.estimate
    least, most = (low, high) if gap is None else turned(way, gap.interval)
    same = 0.0 if gap is None else gap.same
    if high < 0 and most < -same:
        return Decision("contradicted", "the whole interval lies on the other side of no effect")
    lost = _reasons(margins, "lost")
    if lost:
        return Decision("not reproduced", lost)
    if high < worth:
        return Decision(
            "not reproduced", "the whole interval lies below what would be worth having"
        )
    if low > 0 and least > same:
        if low >= distance - SLACK and center >= worth:
            return _with(margins)
        if low >= distance - SLACK:
            return Decision("direction only", "it is less than would be worth having")
        why = said("the interval does not reach the bar", _reasons(margins, "open"))
        return Decision("direction only", why)
    if -same <= least and most <= same:
        why = "no effect: the interval lies within what counts as equal"
        return Decision("not reproduced", why)
    if high < distance - SLACK:
        why = "the interval falls short of the bar and includes no effect"
        return Decision("not reproduced", why)
    advice = _advice(center, max(distance, worth), low, high, sample)
    return Decision("undecided", said(advice.words, _reasons(margins, "open")), advice.units)


def least_worth(claim: Claim, card: Card) -> float:
    """Return the least change worth having, on the scale where no effect is 0; 0 where none is asked for."""
    if not is_any_change(claim):
        return 0.0
    expect = claim.expect
    if isinstance(expect, LOGARITHMIC):
        part = WORTH if claim.worth is None else claim.worth
        return abs(math.log(1 + promise(claim).sign * part))
    if claim.worth is not None:
        return claim.worth
    quality = getattr(expect, "metric", getattr(expect, "quality", ""))
    return WORTH if is_share(metric_of(quality, card)) else 0.0


def _advice(center: float, distance: float, low: float, high: float, sample: Sample) -> Advice:
    """Say how many units would take the interval to one side of no effect or of the bar."""
    if abs(center) >= distance - center:
        return more_units(abs(center), center - low if center > 0 else high - center, sample)
    return more_units(distance - center, high - center, sample)


def _sameness(claim: Claim, ends: Interval, margins: Sequence[Margin], sample: Sample) -> Decision:
    least, most = limits(claim)
    low, high = turned(1.0, ends)
    if low > most + SLACK or high < least - SLACK:
        return Decision("not reproduced", "the interval lies wholly beyond the limit")
    lost = _reasons(margins, "lost")
    if lost:
        return Decision("not reproduced", lost)
    if least - SLACK <= low and high <= most + SLACK:
        return _with(margins)
    gap = min(abs(ends.estimate - end) for end in (least, most) if math.isfinite(end))
    advice = more_units(gap, max(high - ends.estimate, ends.estimate - low), sample)
    return Decision("undecided", said(advice.words, _reasons(margins, "open")), advice.units)


def _with(margins: Sequence[Margin]) -> Decision:
    """Return what becomes of a claim that is met, given the margins, none of which is lost."""
    why = _reasons(margins, "open")
    if not why:
        return Decision("reproduced")
    return Decision("undecided", why, max(margin.units for margin in margins))


def _reasons(margins: Sequence[Margin], state: str) -> str:
    return said(*(margin.reason for margin in margins if margin.state == state))


def turned(way: float, ends: Interval) -> tuple[float, float]:
    """Return the ends of an interval, turned so that the claimed side is up."""
    low, high = sorted(way * (math.nan if end is None else float(end)) for end in ends[1:])
    return low, high


def limits(claim: Claim) -> tuple[float, float]:
    """Return the limits of sameness on the scale where no effect is 0."""
    expect = claim.expect
    low, high = getattr(expect, "low", None), getattr(expect, "high", None)
    if isinstance(expect, LOGARITHMIC):
        low, high = (None if end is None else math.log(end) for end in (low, high))
    else:
        nothing = no_effect(expect)
        low, high = (None if end is None else end - nothing for end in (low, high))
    return -math.inf if low is None else low, math.inf if high is None else high


def margin(name: str, change: Interval, allowed: float, sample: Sample) -> Margin:
    """Say whether something got worse by no more than allowed; `change` is up for better."""
    if change.low is None or change.high is None:
        return Margin("open", f"how far {name} may change is unknown", 1.0)
    ends = wider(change, sample)
    low, high = turned(1.0, ends)
    p_value = _tail(ends.estimate + allowed, ends.estimate - low, sample)
    precision = Precision(turned(1.0, change)[1] - change.estimate, allowed)
    if high < -allowed - SLACK:
        why = f"{name} gets worse by {-change.estimate:.3g}, more than {allowed:g}"
        return Margin("lost", why, p_value, precision=precision)
    if low >= -allowed - SLACK:
        return Margin("kept", "", p_value, precision=precision)
    advice = more_units(abs(ends.estimate + allowed), ends.estimate - low, sample)
    why = f"{name} may get worse by {-low:.3g}, more than {allowed:g} ({advice.words})"
    return Margin("open", why, p_value, advice.units, precision)


def said(*parts: str) -> str:
    """Join what there is to say."""
    return "; ".join(part for part in parts if part)


def in_own_terms(claim: Claim, value: float | None) -> float | None:
    """Return a value of the scale where no effect is 0 in the terms of the claim's form."""
    if value is None or not math.isfinite(value):
        return None
    if isinstance(claim.expect, LOGARITHMIC):
        return math.exp(value)
    return value + no_effect(claim.expect)


def _p_value(claim: Claim, ends: Interval, sample: Sample) -> float:
    """Return the one-sided p that the truth falls short of the bar, or lies beyond a limit.

    It is at most 2.5 % where the end of the interval at this look reaches the bar.
    """
    if not is_sameness(claim):
        way, distance = promise(claim)
        low, _ = turned(way, ends)
        return _tail(way * ends.estimate - distance, way * ends.estimate - low, sample)
    low, high = turned(1.0, ends)
    least, most = limits(claim)
    below = _tail(ends.estimate - least, ends.estimate - low, sample)
    return max(below, _tail(most - ends.estimate, high - ends.estimate, sample))


def _tail(distance: float, half: float, sample: Sample) -> float:
    """Return the tail beyond a distance of an interval's half-width, by Student's t."""
    if not half > 0:
        return 0.0 if distance >= -SLACK else 1.0
    if math.isinf(half):
        return 0.0 if distance == math.inf else 0.5
    return float(tail(distance / half * t975(sample.freedom), float(sample.freedom)))
