"""What tasks and methods say about themselves: the vocabulary of a card.

A card is the header of a file under `workloads/`. It is *read from the syntax
tree* (`harness/contract/registry.py` evaluates the one expression `CARD = Card(...)` with
nothing but the names of this module), so that listing 47 methods imports none of
them. That is why a card may use these names and literals only.

A task's card gives its conditions (as knobs) and its metrics; a method's card gives
its knobs and its role.
"""

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import (
    Bound,
    Contrast,
    Correlation,
    Difference,
    Expectation,
    Frontier,
    Level,
    Monotone,
    OutOfReach,
    Point,
    Rank,
    Ratio,
    Reach,
    Scalar,
    SignedRank,
    Testable,
    Where,
)
from adabench.harness.contract.task_gates import GateRow, Gates

__all__ = [
    "Ability",
    "Bound",
    "Card",
    "Cases",
    "Claim",
    "Contrast",
    "Correlation",
    "Difference",
    "Expectation",
    "Fidelity",
    "Frontier",
    "Gap",
    "Gates",
    "Knob",
    "Level",
    "Metric",
    "Monotone",
    "OnTask",
    "OutOfReach",
    "Point",
    "Rank",
    "Ratio",
    "Reach",
    "Role",
    "Scalar",
    "SignedRank",
    "Testable",
    "Variant",
    "Where",
]

Role = Literal["static", "adaptive", "control", "oracle"]
Cases = Literal["exchangeable", "nested", "fixed"]
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
    also: tuple[Scalar, ...] = ()
    """What a closed knob takes besides its sweep, where a task of the family sweeps less."""
    of: str = ""
    """Of a condition: another one, to whose default it belongs. What cards pin of it holds there alone."""


@dataclass(frozen=True)
class Metric:
    """A name that a task's `score` or meter may give, with its unit and direction."""

    name: str
    """In a card also several names that are alike in all else, with blanks between them."""
    unit: str
    better: Literal["higher", "lower"]
    role: Literal["quality", "cost", "work", "info"]
    primary: bool = False
    """A task has exactly one primary quality and one primary work counter: they span
    the quality-cost plot in which the oracle gap is measured."""
    per: tuple[str, ...] = ()
    """Two other metrics, the mean of the first over that of the second: what a solved case costs. No single
    case has such a value, so it stands in tables, and no claim is tested on it."""
    low: float | None = None
    high: float | None = None
    """The ends between which it lies, where its role and unit do not say so (`metric_range.py`)."""
    clocked: bool = False
    """Whether it follows from times although it has no unit of time: a ratio, share or rate of them. Where
    a cell's timing is invalid it is left out with the seconds."""

    def __post_init__(self) -> None:
        """Take what JSON gave as a list for what it was."""
        object.__setattr__(self, "per", tuple(self.per))

    def each(self) -> "tuple[Metric, ...]":
        """Return a metric for each name."""
        return tuple(replace(self, name=name) for name in self.name.split())


@dataclass(frozen=True)
class Gap:
    """Between what the oracle gap of some methods is measured: one backbone, one training budget.

    Trainings of different backbones are never pooled: what a mixture gains by another network is no
    merit, and no fault, of a method.
    """

    mixture: tuple[str, ...]
    """The static methods that are mixed at random; their settings are the 0 of the scale."""
    methods: tuple[str, ...]
    """The methods whose gap it is, controls that are to be read on the same scale among them."""
    oracle: str = ""
    """The method that decides with the answer in hand: the 1. Empty where none is known for this backbone."""
    coin: str = ""
    """The random router of the same training family at the method's rates: the -1."""
    oracle_at: Mapping[str, Scalar] = field(default_factory=dict)
    """The knobs at which the oracle counts, where it has settings that do not."""
    only_at: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    """By static of the mixture that cannot run everywhere: the conditions where it does. Elsewhere it is no part of it."""
    room: float = 0.01
    """How far the oracle must lead the mixture, in units of the primary quality, at the costs where
    a method runs; where it leads by less there is no gap to close."""


@dataclass(frozen=True)
class OnTask:
    """What differs on one task of a method that a family shares."""

    sweep: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    """By knob: its sweep on that task. The first value is the default there."""
    conditions: Mapping[str, Scalar] = field(default_factory=dict)
    """Conditions of that task which the method is made for."""
    title: str = ""
    """What the method is called there, where its parts are not made as its paper's are."""


@dataclass(frozen=True)
class Variant:
    """A static, control or ablation that is a method at other values: a row of its card, and no file.

    It is a method of its own to everybody else (`variants.py`): it has an address, a card and claims.
    """

    name: str
    """The last part of its address."""
    title: str
    fixed: Mapping[str, Scalar]
    """What differs: values of the method's `fixed=`, and of knobs, which it then has no more."""
    role: Literal["static", "control", "adaptive"] = "control"
    adapts: str = ""
    essay: str = ""
    """What the docstring of a file says: what it is for, what to expect of it, ways to fake it."""
    paper: str = ""
    slug: str = ""
    knobs: tuple[Knob, ...] | None = None
    """None for those of the method that it does not fix."""
    on_task: Mapping[str, OnTask] | None = None
    """What differs on one task of the family; None for what differs of the method."""
    conditions: Mapping[str, Scalar] | None = None
    """Conditions that it is made for; None for those of the method."""
    control_of: tuple[str, ...] = ()
    idle: bool = False
    moved_from: str = ""


@dataclass(frozen=True)
class Ability:
    """What a method needs of the model that its task runs: where that is missing it is skipped."""

    name: str
    """`hidden`, `logprobs`, `samples`: the names of `adabench doctor --model`; `scores`, a judge's; `draft`,
    a second model that drafts for it; `pool`, several models to choose among; `revisions`, a policy that was
    trained on attempts; `values`, a head that values an agent's states; `modes`, a policy that learned to
    choose its mode; `strategies`, an adapter that forecasts which mode suits; `plans`, a planner; `table`, tools that read a table through."""
    unless: Mapping[str, Scalar] = field(default_factory=dict)
    """By knob: a value at which the method does without it, whatever the other knobs are."""

    @property
    def without(self) -> str:
        """Return the settings that do without it, in words; empty if none does."""
        return " or ".join(f"{name}={value}" for name, value in self.unless.items())

    def is_needed(self, point: Point) -> bool:
        """Return whether the method needs it at an operating point."""
        return not any(point.get(name) == value for name, value in self.unless.items())


@dataclass(frozen=True)
class DefaultSource:
    """A model or data that a task reads at its defaults and that the core does not bring."""

    condition: str
    """The condition that names it: `model=smollm2`."""
    remedy: str
    """The command that brings it."""
    packages: tuple[str, ...] = ()
    """Distributions that must be installed, all of them."""
    files: tuple[str, ...] = ()
    """Files in the cache folder, of which one must be there."""


@dataclass(frozen=True)
class Card:
    """The header of a task or method file."""

    title: str
    paper: str = ""
    slug: str = ""
    """The paper's short name, by which its claims are counted together ("ets"); empty for what is
    no paper that we reproduce."""
    adapts: str = ""
    """What adapts, on which signal, at which granularity."""
    signal: tuple[str, ...] = ()
    """Of an adaptive method: the functions of its substrate that give what it adapts on, as `module:function`
    or `module:Class.method` (ours below `adabench.workloads`); `permuted_control.py` makes a control of it."""
    no_signal: str = ""
    """Of an adaptive method without one: why what it adapts on cannot be another case's. A control that
    stands for it is named in backticks."""
    role: Role = "adaptive"
    fidelity: Fidelity = "paper"
    knobs: tuple[Knob, ...] = ()
    fixed: Mapping[str, Scalar] = field(default_factory=dict)
    """What its functions find in the point beside its knobs. Nobody turns it: variants have other values."""
    variants: tuple[Variant, ...] = ()
    """Statics, controls and ablations that are this method at other values."""
    claims: tuple[Claim, ...] = ()
    """Of a method of somebody else's package. Ours are added from `papers/<slug>.toml` and the task's
    `claims.toml` (`claim_files.py`), and no card of ours holds any."""
    needs: tuple[str, ...] = ()
    """Extras that must be installed: `("milp",)`."""
    sources: tuple[DefaultSource, ...] = ()
    """In a task file: what its defaults read beside what is shipped, so that a list says whether it is here."""
    abilities: tuple[Ability, ...] = ()
    """In the file of a method on a task with models of the user's: what it needs of them, so that a
    run names before it begins which methods it will skip."""
    metrics: tuple[Metric, ...] = ()
    """In a task file: every name that `score` and the meter may give."""
    budget: str = ""
    """In a task file: the condition that is the resource every method is handed (cache
    slots, a token budget). Frontiers then run over it as well as over the methods' knobs."""
    allocation: tuple[str, ...] = ()
    """In a task file: metrics, or patterns of their names, that say where the work went, one a class of
    input (work per token of that class); reports draw them side by side."""
    cases: Cases = "nested"
    """In a task file: what a further seed brings. `exchangeable`: further cases of one distribution;
    `nested`: what all its cases share, a graph, a stream or a training; `fixed`: copies of one list."""
    given: tuple[str, ...] = ()
    """In a task file: patterns of the names of trained artefacts that every method is handed alike (a
    policy, a judge). Any other that a method reads was trained for it."""
    seeds: int = 3
    """In a task file: how many seeds a run takes that names none; where models ship trained from several
    seeds, one for each."""
    trainings: int = 0
    """In a task file: how many trainings of each model were there before records named them; seeds
    took them in turn."""
    recipes: int = 5
    """In a task file: how many trainings of each model there are recipes for."""
    gaps: tuple[Gap, ...] = ()
    """In a task file: what the oracle gap of each method is measured between. A task with one
    backbone may leave it to the roles: all statics, the oracle, the control."""
    gates: tuple[Gates, ...] = ()
    """In a task file: what its development cases must show before published claims are tested on it."""
    shown: tuple[GateRow, ...] = field(default=(), compare=False)
    """What they showed: found beside the task by the registry, never written."""
    comparison: tuple[str, ...] = ()
    """In a task file: metrics of the table in which methods stand side by side, beside what all tables have."""
    speedup_work: str = ""
    """In a task file: the metric that is the work of a realised speedup, in FLOPs where they are
    counted; empty for the primary work counter."""
    quality_margin: float = 0.01
    """In a task file: how much primary quality two methods may differ in and still be compared in
    time. One point, unless the paper's own differences say otherwise."""
    no_speedup: str = ""
    """In a task file: why saved work cannot become time here; reports then print this reason
    in place of a realised speedup."""
    no_oracle: str = ""
    """In a task file: why nobody can know the best decisions here; then there is no oracle."""
    tasks: tuple[str, ...] = ()
    """In the file of a method that a family shares: the tasks of the family that it runs on."""
    on_task: Mapping[str, OnTask] = field(default_factory=dict)
    """In the file of a method that a family shares: by task, what differs there."""
    scales: tuple[str, ...] = ("embedded",)
    """In a task file: the scales that `load` knows."""
    conditions: Mapping[str, Scalar] = field(default_factory=dict)
    """In a method's file: conditions it is made for (a layout of the data), in place of the
    task's defaults; it is not swept over them."""
    skips_from: str = ""
    """In an adaptive method's file: the static method whose work it leaves out. Its realised
    speedup is then that over this method at its default, if their qualities agree."""
    oracle: Literal["", "exact", "bound"] = ""
    """In an oracle's file: is its choice exact, or only a bound?"""
    wins_by_luck: bool = False
    """In an oracle's file: does its search gain as much on random wrong answers as on the truth?
    Then it closes no gap. `adabench check` asks its function `luck`, where it has one."""

    control_of: tuple[str, ...] = ()
    """In a control's file: the methods whose choice it takes at random, where what it chooses among is
    no less than methods of the task: then claims of others need not be told apart from it. Empty: it is
    a control of all."""
    idle: bool = False
    """In a control's file: it does nothing and costs nothing. What it meets says nothing of a method that works."""
    moved_from: str = ""
    """The address that this method had before it moved: it is found there too."""
    prepares: bool = field(default=False, compare=False)
    """Whether the file has a `prepare`, which fits something: found by the reader, never written."""

    def __post_init__(self) -> None:
        """Write out metrics that share a row and what an allocation's patterns name; refuse bad variants.

        Raises:
            ValueError: for a variant that sets what the method does not read, or leaves out a knob.
        """
        if not all(isinstance(row, Metric) for row in self.metrics):
            return  # who reads the card refuses it
        metrics = tuple(metric for row in self.metrics for metric in row.each())
        names = [metric.name for metric in metrics]
        shares = (fnmatch.filter(names, one) or (one,) for one in self.allocation)
        object.__setattr__(self, "metrics", metrics)
        object.__setattr__(self, "allocation", tuple(name for found in shares for name in found))
        if self.variants:
            self._refuse_bad_variants()

    def _refuse_bad_variants(self) -> None:
        turned = {knob.name for knob in self.knobs}
        for variant in self.variants:
            own = turned if variant.knobs is None else {knob.name for knob in variant.knobs}
            unknown = sorted(variant.fixed.keys() - self.fixed.keys() - turned)
            missing = sorted(turned - own - variant.fixed.keys())
            if unknown or not variant.fixed:
                what = ", ".join(unknown) or "nothing"
                raise ValueError(
                    f"the variant {variant.name} sets {what}; it sets what fixed= or knobs= name"
                )
            if missing:
                raise ValueError(
                    f"the variant {variant.name} has no knob {', '.join(missing)}, and does not set it"
                )
        names = [variant.name for variant in self.variants]
        if len(set(names)) < len(names):
            raise ValueError(f"two variants have one name: {', '.join(sorted(names))}")

    def knob(self, name: str) -> Knob | None:
        """Return the knob called `name`, if there is one."""
        return next((knob for knob in self.knobs if knob.name == name), None)

    def controls(self, method: str) -> bool:
        """Say whether it is a control of a method of its task."""
        return self.role == "control" and (not self.control_of or method in self.control_of)

    @property
    def defaults(self) -> dict[str, Scalar]:
        """The default operating point."""
        return {knob.name: knob.default for knob in self.knobs}

    def on(self, task: str) -> "Card":
        """Return the card as it reads on one task of the family: title and knobs there."""
        if not self.tasks:
            return self
        here = self.on_task.get(task, OnTask())
        return replace(
            self,
            title=here.title or self.title,
            knobs=tuple(_swept(knob, here.sweep.get(knob.name)) for knob in self.knobs),
            conditions={**self.conditions, **here.conditions},
        )


def _swept(knob: Knob, values: tuple[Scalar, ...] | None) -> Knob:
    if values is None:
        return knob
    also = () if knob.open else tuple(value for value in knob.values if value not in values)
    return replace(knob, values=values, default=values[0], also=also)
