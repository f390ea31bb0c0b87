"""The forms that a testable statement can take: what is compared, where, and with which limits.

Three kinds of statement, told apart by the limits:

*A change.* "Half the memory", "+3.4 points". The claim gives the paper's effect, and the bar lies
at half of it (`Claim.effect`, `Claim.share`); a form then names no limits of its own. Where the paper
says that there is a change and gives no number, and in criteria of our own, the limit stands in the
form (`high=1.0`: any fall; `low=0.0`: any gain).

*Sameness.* "Comparable accuracy", "within 5 %". The limit lies on the far side of no effect, or there
are two, a range: `Difference(..., low=-0.01)`, `Ratio(..., high=1.05)`, `Ratio(..., low=0.23, high=0.27)`.
The whole interval must keep them.

*A certainty.* An identity (`Ratio(..., every=True)`) or a theorem (`Bound`): every case obeys.

Names of conditions and knobs in `where` take the values given there, on both sides if both have
them; what is not named stays at its default. `there` says where the rival stands instead: another
operating point, other conditions. With several names in `against` each pair is held to the best of
them. `keeping` gives margins, each in its metric's own unit, of what may get worse at the most. `same`
is the width, in the metric's own unit, within which two values count as equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Scalar = int | float | str | bool
Point = Mapping[str, Scalar]
"""One operating point: a value for every knob."""
Where = Mapping[str, Scalar | tuple[Scalar, ...]]


@dataclass(frozen=True)
class Ratio:
    """The total of `metric` over that of `against`; pairs share conditions, seed and case.

    The effect is a ratio: 0.556 is "1.8x smaller".
    """

    metric: str
    against: str | tuple[str, ...]
    low: float | None = None
    high: float | None = None
    keeping: Mapping[str, float] = field(default_factory=dict)
    where: Where = field(default_factory=dict)
    there: Where = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    """Case groups the claim speaks of; empty means all."""
    same: float = 0.0
    allowance: float = 0.0
    """Additive constant of a theorem, taken off the metric before dividing."""
    of: Literal["totals", "pairs"] = "totals"
    """What is divided: the totals over all pairs, or each pair by itself, for the geometric mean."""
    every: bool = False
    """A statement about each single pair (an identity, a worst case), not about the mean."""


@dataclass(frozen=True)
class Difference:
    """`metric` less that of `against`, pair by pair, in the metric's own unit.

    The effect is a difference with its sign: 0.034 is "+3.4 points" of a share.
    """

    metric: str
    against: str | tuple[str, ...]
    low: float | None = None
    high: float | None = None
    keeping: Mapping[str, float] = field(default_factory=dict)
    where: Where = field(default_factory=dict)
    there: Where = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    same: float = 0.0


@dataclass(frozen=True)
class Contrast:
    """What the method gains in some groups of cases, less what it gains in others.

    A difference of differences against one rival: "it helps where questions are hard".
    """

    metric: str
    against: str
    groups: tuple[str, ...]
    other_groups: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    where: Where = field(default_factory=dict)
    there: Where = field(default_factory=dict)
    same: float = 0.0


@dataclass(frozen=True)
class Reach:
    """The cost at which the method's own front reaches the rival's quality, over the rival's cost.

    The front runs over the method's knobs and the task's budget, by interpolation; the rival
    stands at one operating point (`there`). "4x less compute than best-of-N at 64": 0.25.
    """

    cost: str
    quality: str
    against: str
    high: float | None = None
    where: Where = field(default_factory=dict)
    there: Where = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    less: str = ""
    """A part of the cost that the paper leaves out of the bill: taken off wherever it was recorded."""


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation of two metrics over the method's cases."""

    metric: str
    with_: str
    low: float | None = None
    high: float | None = None
    where: Where = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bound:
    """A theorem: `metric <= bound`, where the task computes `bound` for that very run.

    `over="every"`: each case must obey. `over="mean"`: `metric` is a mean over random
    streams and `<metric>_se` its standard error; three of them are allowed for.
    """

    metric: str
    bound: str
    over: Literal["every", "mean"] = "every"
    where: Where = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Monotone:
    """`metric` rises (or falls) with the knob or condition `over`; staying level is no break.

    `tolerance`, in the metric's own unit, is how far one step may go back. The effect, if the
    paper gives one, is the whole change from the first value to the last.
    """

    metric: str
    over: str
    rising: bool
    tolerance: float
    where: Where = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frontier:
    """In the plot of `quality` against `cost` the method's frontier lies above that of `against`.

    The effect is the mean vertical distance, in the unit of `quality`.
    """

    cost: str
    quality: str
    against: str
    low: float | None = None
    where: Where = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Level:
    """The mean of `metric` over cases; `above` is where no effect lies, and `high` a limit beyond it.

    With `reaching` a case counts as one or nothing: does its `metric` reach so much? The mean is
    then a share of the cases. The effect is the paper's level.
    """

    metric: str
    low: float | None = None
    high: float | None = None
    above: float = 0.0
    reaching: float | None = None
    where: Where = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rank:
    """Ranked by `metric` in each case, the method's mean rank is ahead of that of each rival.

    A rival with knobs counts by the median of the mean ranks of its operating points, all those
    of its default sweep at least: "the median setting". The effect is a number of ranks.
    """

    metric: str
    against: str | tuple[str, ...]
    low: float | None = None
    where: Where = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class SignedRank:
    """Wilcoxon's test of paired differences in `metric` decides for the method, at 5 %."""

    metric: str
    against: str
    least: int = 10
    """Cases without which nothing is decided."""
    where: Where = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class OutOfReach:
    """A claim that no run at any scale we have can decide; `reason` is printed beside it."""

    reason: str


Testable = (
    Ratio
    | Difference
    | Contrast
    | Reach
    | Correlation
    | Bound
    | Monotone
    | Frontier
    | Level
    | Rank
    | SignedRank
)
Expectation = Testable | OutOfReach


def is_certainty(expect: Expectation) -> bool:
    """Say whether a statement is an identity or a theorem, which one case can break."""
    return isinstance(expect, Bound) or (isinstance(expect, Ratio) and expect.every)


def metric_names(expect: Expectation) -> tuple[str, ...]:
    """Return the metrics that a statement speaks of, margins and bounds included."""
    match expect:
        case Ratio() | Difference():
            return (expect.metric, *expect.keeping)
        case Bound():
            return expect.metric, expect.bound
        case Frontier() | Reach():
            less = getattr(expect, "less", "")
            return (expect.cost, expect.quality, *([less] if less else []))
        case Correlation():
            return expect.metric, expect.with_
        case OutOfReach():
            return ()
    return (expect.metric,)


def rival_names(expect: Expectation) -> tuple[str, ...]:
    """Return the methods that a statement compares with."""
    against: str | tuple[str, ...] = getattr(expect, "against", ())
    return (against,) if isinstance(against, str) else against
