"""What tasks and methods say about themselves: the vocabulary of a card.

A card is the header of a file under `workloads/`. It is *read from the syntax
tree* (`harness/contract/registry.py` evaluates the one expression `CARD = Card(...)` with
nothing but the names of this module), so that listing 47 methods imports none of
them. That is why a card may use these names and literals only.

A task's card gives its conditions (as knobs) and its metrics; a method's card gives
its knobs, its role and the published claims it is held to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Scalar = int | float | str | bool
Point = Mapping[str, Scalar]
"""One operating point: a value for every knob."""

Role = Literal["static", "adaptive", "control", "oracle"]
Fidelity = Literal["code-confirmed", "paper", "reconstructed", "special-case"]


@dataclass(frozen=True)
class Knob:
    """Something that can be turned: a method's dial, or a condition of a task."""

    name: str
    values: tuple[Scalar, ...]
    """The default sweep."""
    default: Scalar
    at: Literal["prepare", "solve"] = "solve"
    """`prepare`: turning it needs a new prepared state (a training, an index)."""
    open: bool = False
    """Other values than those of the sweep make sense (a file name, a rate)."""
    low: float | None = None
    high: float | None = None
    """Bounds of an open numeric knob, both included."""


@dataclass(frozen=True)
class Metric:
    """A name that a task's `score` or meter may give, with its unit and direction."""

    name: str
    unit: str
    better: Literal["higher", "lower"]
    role: Literal["quality", "cost", "work", "info"]
    primary: bool = False
    """A task has exactly one primary quality and one primary work counter: they span
    the plane on which headroom is measured."""


@dataclass(frozen=True)
class Ratio:
    """`metric` is at most `high` (at least `low`) times that of `against`, pair by pair.

    Pairs share task, conditions, seed, case and repeat. With several names in
    `against` each pair is held to the best of them. `keeping` gives non-inferiority
    margins, in each metric's own unit, that must hold at the same time.
    """

    metric: str
    against: str | tuple[str, ...]
    low: float | None = None
    high: float | None = None
    keeping: Mapping[str, float] = field(default_factory=dict)
    where: Mapping[str, Scalar | tuple[Scalar, ...]] = field(default_factory=dict)
    """Conditions and knobs the claim speaks of; those not named stay at their default."""
    groups: tuple[str, ...] = ()
    """Case groups the claim speaks of; empty means all."""
    allowance: float = 0.0
    """Additive constant of a theorem, taken off the metric before dividing."""
    every: bool = False
    """A statement about each single pair (an identity, a worst case), not about the mean."""


@dataclass(frozen=True)
class Bound:
    """A theorem: `metric <= bound`, where the task computes `bound` for that very run.

    `over="every"`: each case must obey. `over="mean"`: `metric` is a mean over random
    streams and `<metric>_se` its standard error; three of them are allowed for.
    """

    metric: str
    bound: str
    over: Literal["every", "mean"] = "every"
    where: Mapping[str, Scalar | tuple[Scalar, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Monotone:
    """`metric` rises (or falls) with the knob or condition `over`, within `tolerance` a step.

    The tolerance is relative to the curve's whole range.
    """

    metric: str
    over: str
    rising: bool
    tolerance: float = 0.0
    where: Mapping[str, Scalar | tuple[Scalar, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frontier:
    """On the plane `cost` x `quality` the method's front lies above that of `against`.

    `margin` is the required mean vertical distance, in the unit of `quality`.
    """

    cost: str
    quality: str
    against: str
    margin: float = 0.0
    where: Mapping[str, Scalar | tuple[Scalar, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Level:
    """The mean of `metric` over cases is at least `low`, and its interval lies above `above`.

    With `reaching` a case counts as one or nothing: does its `metric` reach so much? The mean is
    then a share of the cases.
    """

    metric: str
    low: float
    above: float = 0.0
    reaching: float | None = None
    where: Mapping[str, Scalar | tuple[Scalar, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rank:
    """Ranked by `metric` in each case, the method's mean rank is ahead of that of each rival.

    A rival with knobs counts by the median of the mean ranks of its operating points, all those
    of its default sweep at least: "the median setting".
    """

    metric: str
    against: str | tuple[str, ...]
    where: Mapping[str, Scalar | tuple[Scalar, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class SignedRank:
    """Wilcoxon's test of paired differences in `metric` decides for the method, at 5 %."""

    metric: str
    against: str
    least: int = 10
    """Cases without which nothing is decided."""
    where: Mapping[str, Scalar | tuple[Scalar, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class OutOfReach:
    """A claim that no run at any scale we have can decide; `reason` is printed beside it."""

    reason: str


Testable = Ratio | Bound | Monotone | Frontier | Level | Rank | SignedRank
Expectation = Testable | OutOfReach


@dataclass(frozen=True)
class Claim:
    """One published statement and the testable form it takes here."""

    id: str
    says: str
    """The sentence, in our words."""
    paper: str
    """The paper's value, verbatim number."""
    expect: Expectation
    scale: Literal["embedded", "real", "gpu", "paper"] = "embedded"
    """The smallest scale at which the claim can be tested."""
    where_task: str = ""
    """In the card of a method that a family shares: the task on which the claim is decided; empty
    means the first of the card's `tasks`."""


@dataclass(frozen=True)
class Variant:
    """What differs on one task of a method that a family shares."""

    sweep: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    """By knob: its sweep on that task. The first value is the default there."""
    conditions: Mapping[str, Scalar] = field(default_factory=dict)
    """Conditions of that task which the method is made for."""


@dataclass(frozen=True)
class Origin:
    """Records of another task that a task took over, so that runs of before are read as its own.

    They are those of `task` at `scale` whose conditions agree with `where`, of methods that the
    task has.
    """

    task: str
    where: Mapping[str, Scalar]
    scale: str = "embedded"
    drops: tuple[str, ...] = ()
    """Conditions that there were and that there are no more, beside those of `where`."""
    sets: Mapping[str, Scalar] = field(default_factory=dict)
    """Conditions that stand for those of `where` now."""


@dataclass(frozen=True)
class Card:
    """The header of a task or method file."""

    title: str
    paper: str = ""
    adapts: str = ""
    """What adapts, on which signal, at which granularity."""
    role: Role = "adaptive"
    fidelity: Fidelity = "paper"
    knobs: tuple[Knob, ...] = ()
    claims: tuple[Claim, ...] = ()
    needs: tuple[str, ...] = ()
    """Extras that must be installed: `("milp",)`."""
    metrics: tuple[Metric, ...] = ()
    """In a task file: every name that `score` and the meter may give."""
    budget: str = ""
    """In a task file: the condition that is the resource every method is handed (cache
    slots, a token budget). Fronts then run over it as well as over the methods' knobs."""
    allocation: tuple[str, ...] = ()
    """In a task file: metrics that say where the work went, one a class of input (work per
    token of that class); reports draw them side by side."""
    no_conversion: str = ""
    """In a task file: why saved work cannot become time here; reports then print this reason
    in place of a conversion."""
    no_oracle: str = ""
    """In a task file: why nobody can know the best decisions here; then there is no oracle."""
    tasks: tuple[str, ...] = ()
    """In the file of a method that a family shares: the tasks of the family that it runs on."""
    variants: Mapping[str, Variant] = field(default_factory=dict)
    """In the file of a method that a family shares: by task, what differs there."""
    origins: tuple[Origin, ...] = ()
    """In a task file: the records of other tasks that count as this one's."""
    scales: tuple[str, ...] = ("embedded",)
    """In a task file: the scales that `load` knows."""
    conditions: Mapping[str, Scalar] = field(default_factory=dict)
    """In a method's file: conditions it is made for (a layout of the data), in place of the
    task's defaults; it is not swept over them."""
    skips_from: str = ""
    """In an adaptive method's file: the static method whose work it leaves out. Conversion
    then compares with that method at its default, and says how the qualities differ."""
    oracle: Literal["", "exact", "bound"] = ""
    """In an oracle's file: is its hindsight exact, or only a bound?"""

    moved_from: str = ""
    """The address that this method had before it moved; runs recorded under it stay readable."""

    def knob(self, name: str) -> Knob | None:
        """Return the knob called `name`, if there is one."""
        return next((knob for knob in self.knobs if knob.name == name), None)

    @property
    def defaults(self) -> dict[str, Scalar]:
        """The default operating point."""
        return {knob.name: knob.default for knob in self.knobs}

    def on(self, task: str) -> "Card":
        """Return the card as it reads on one task of the family: its knobs and claims there."""
        if not self.tasks:
            return self
        variant = self.variants.get(task, Variant())
        return replace(
            self,
            knobs=tuple(_swept(knob, variant.sweep.get(knob.name)) for knob in self.knobs),
            claims=tuple(
                claim for claim in self.claims if (claim.where_task or self.tasks[0]) == task
            ),
            conditions={**self.conditions, **variant.conditions},
        )


def _swept(knob: Knob, values: tuple[Scalar, ...] | None) -> Knob:
    return knob if values is None else replace(knob, values=values, default=values[0])
