"""The words of a verdict, and the one rule by which an interval earns them.

On a scale where no effect is 0 and the claimed side is up (logarithms of ratios, differences):

| word | when |
|---|---|
| contradicted | the whole interval lies below no effect |
| not reproduced | a `keeping` margin is lost by its whole interval; or the whole interval falls short of the bar and includes no effect |
| reproduced | the whole interval reaches the bar, and every margin is kept by its whole interval |
| direction only | the whole interval lies above no effect, and the bar is not reached |
| undecided | anything else |

Of a claim of sameness: reproduced where the whole interval keeps the limits, not reproduced where it
lies wholly beyond them. What is certain (an identity, a theorem) `holds` or is `violated`.

*Looks.* Who reads `undecided` runs more and looks again, and each look is a chance to be wrong. So
the interval of a first look (up to `FIRST` units) is one of 95 %, and of every later one (twice as
many units each) it is moved out by `LATER`. What that does is simulated in `docs/statistics.md`.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from adabench.harness.analysis.claims.evidence import Ruling
from adabench.harness.analysis.findings import VerdictWord
from adabench.harness.analysis.operating_points import ReplicateList
from adabench.harness.contract.claim import Claim, bar, is_sameness, no_effect
from adabench.harness.contract.expectations import Monotone, Ratio, Reach
from adabench.harness.stats.bca import Z975
from adabench.harness.stats.intervals import Interval

SLACK = 1e-12
FIRST = 5
"""Units (trainings, else seeds, else cases of one seed) of a first look at the most."""
LATER = 1.28
"""How much further out the ends of a later look lie: one-sided 0.6 % in place of 2.5 %."""
MANY = 1000
"""More units than that are no advice."""
LOGARITHMIC = (Ratio, Reach)


class Margin(NamedTuple):
    """Something that may get worse by so much at the most."""

    state: Literal["kept", "open", "lost"]
    reason: str = ""


class Promise(NamedTuple):
    """A promised change on the scale where no effect is 0, turned so that up is promised."""

    sign: float
    bar: float
    same: float = 0.0


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
    negligible: float | None = None,
    note: str = "",
) -> Ruling:
    """Rule on an interval, given on the scale where no effect is 0.

    Args:
        claim: whose effect, bar and limits count.
        interval: of logarithms for ratios; without ends where nothing was replicated.
        places: the cases behind it.
        margins: what must be kept at the same time.
        negligible: an interval within plus and minus so much is no effect, however sure its sign.
        note: said beside the reason.
    """
    n = len(places)
    if interval.low is None or interval.high is None:
        return one_replicate(claim, _shown(claim, interval.estimate), n, note)
    ends = wider(interval, sample(places))
    decide = _sameness if is_sameness(claim) else _change
    word, reason = decide(claim, ends, margins, negligible, sample(places))
    varied = interval.low != interval.high
    return Ruling(
        word,
        _shown(claim, interval.estimate),
        _shown(claim, interval.low) if varied else None,
        _shown(claim, interval.high) if varied else None,
        bar=bar(claim),
        n=n,
        trainings=places.trainings,
        reason=said(reason, note),
        p_value=_p_value(claim, interval) if varied else None,
    )


class Sample(NamedTuple):
    """The independent units that an interval rests on."""

    size: int
    noun: str

    @property
    def looks_again(self) -> bool:
        """Whether there are more of them than a first look has; of one seed nobody looks again."""
        return self.noun != "cases" and self.size > FIRST


def sample(places: ReplicateList) -> Sample:
    """Return what was replicated: trainings where several are behind it, else seeds, else cases."""
    if places.clusters == 1:
        return Sample(len(places), "cases")
    return Sample(places.clusters, "trainings" if places.trainings > 1 else "seeds")


def wider(interval: Interval, drawn: Sample) -> Interval:
    """Move the ends of an interval out where it cannot be that of a first look."""
    if not drawn.looks_again or interval.low is None or interval.high is None:
        return interval
    center = interval.estimate
    low, high = (center + LATER * (end - center) for end in (interval.low, interval.high))
    return Interval(center, low, high)


def promise(claim: Claim) -> Promise:
    """Return which way a claim's change goes, and how far the bar lies from no effect."""
    expect, at = claim.expect, bar(claim)
    if isinstance(expect, Monotone):
        return Promise(1.0, abs(at or 0.0))  # its rule turns the curve upwards
    if at is None:
        return Promise(1.0, 0.0)
    if isinstance(expect, LOGARITHMIC):
        away = math.log(at)
        falls = claim.effect < 1 if claim.effect is not None else expect.high is not None
    else:
        away = at - no_effect(expect)
        rises = getattr(expect, "high", None) is None
        falls = claim.effect < no_effect(expect) if claim.effect is not None else not rises
    return Promise(-1.0 if falls else 1.0, abs(away), getattr(expect, "same", 0.0))


def _change(
    claim: Claim,
    ends: Interval,
    margins: Sequence[Margin],
    negligible: float | None,
    drawn: Sample,
) -> tuple[VerdictWord, str]:
    way, distance, _ = promise(claim)
    center = way * ends.estimate
    low, high = sorted(way * float(end or 0.0) for end in ends[1:])
    none = negligible or 0.0
    lost = [margin.reason for margin in margins if margin.state == "lost"]
    open_ = [margin.reason for margin in margins if margin.state == "open"]
    if high < -none:
        return "contradicted", "the whole interval lies on the other side of no effect"
    if lost:
        return "not reproduced", said(*lost)
    if low > none and low >= distance - SLACK:
        return ("undecided", said(*open_)) if open_ else ("reproduced", "")
    if low > none:
        return "direction only", said("the interval does not reach the bar", *open_)
    if -none <= low and high <= none:
        return "not reproduced", "no effect: the interval lies within what counts as equal"
    if high < distance - SLACK:
        return "not reproduced", "the interval falls short of the bar and includes no effect"
    return "undecided", said(more_units(max(abs(center), distance - center), high - low, drawn))


def _sameness(
    claim: Claim,
    ends: Interval,
    margins: Sequence[Margin],
    negligible: float | None,
    drawn: Sample,
) -> tuple[VerdictWord, str]:
    del negligible
    least, most = limits(claim)
    low, high = float(ends.low or 0.0), float(ends.high or 0.0)
    lost = [margin.reason for margin in margins if margin.state == "lost"]
    open_ = [margin.reason for margin in margins if margin.state == "open"]
    if low > most + SLACK or high < least - SLACK:
        return "not reproduced", "the interval lies wholly beyond the limit"
    if lost:
        return "not reproduced", said(*lost)
    if least - SLACK <= low and high <= most + SLACK:
        return ("undecided", said(*open_)) if open_ else ("reproduced", "")
    gap = min(abs(ends.estimate - end) for end in (least, most) if math.isfinite(end))
    return "undecided", said(more_units(gap, high - low, drawn))


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


def margin(name: str, change: Interval, allowed: float, drawn: Sample) -> Margin:
    """Say whether something got worse by no more than allowed; `change` is up for better."""
    if change.low is None or change.high is None:
        return Margin("open", f"how far {name} may change is unknown")
    ends = wider(change, drawn)
    if float(ends.high or 0.0) < -allowed - SLACK:
        return Margin("lost", f"{name} gets worse by {-change.estimate:.3g}, more than {allowed:g}")
    if float(ends.low or 0.0) < -allowed - SLACK:
        worst = -float(ends.low or 0.0)
        return Margin("open", f"{name} may get worse by {worst:.3g}, more than {allowed:g}")
    return Margin("kept")


def more_units(distance: float, width: float, drawn: Sample) -> str:
    """Say roughly how many units more would settle it; widths shrink as 1 / sqrt(n)."""
    needed = drawn.size * (width / 2 / distance) ** 2 if distance > 0 else math.inf
    if drawn.noun != "cases" and not drawn.looks_again and needed > FIRST:
        needed *= LATER**2  # a second look asks for more
    if needed > MANY:
        return f"too near the limit for more {drawn.noun} to settle it"
    more = max(math.ceil(needed - drawn.size), 1)
    return f"the interval is too wide: about {more} more {drawn.noun}"


def said(*parts: str) -> str:
    """Join what there is to say."""
    return "; ".join(part for part in parts if part)


def _shown(claim: Claim, value: float | None) -> float | None:
    """Return a value of the scale where no effect is 0 in the terms of the claim's form."""
    if value is None or not math.isfinite(value):
        return None
    if isinstance(claim.expect, LOGARITHMIC):
        return math.exp(value)
    return value + no_effect(claim.expect)


def _p_value(claim: Claim, interval: Interval) -> float | None:
    """Return the one-sided p that the truth falls short of the bar, from the interval's width."""
    if is_sameness(claim):
        return None
    way, distance, _ = promise(claim)
    error = (float(interval.high or 0.0) - float(interval.low or 0.0)) / (2 * Z975)
    if error <= 0:
        return None
    return 0.5 * math.erfc((way * interval.estimate - distance) / error / math.sqrt(2))
