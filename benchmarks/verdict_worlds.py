"""Simulated worlds for every form of claim, judged by the product's own rules.

A world has so many blocks, trainings or seeds, of so many cases each. A training, or a seed of a nested task,
moves what is measured in all of its cases; where cases are exchangeable nothing but themselves varies. `Layout`
holds the operating points of such a run once; `judge` fills in one world's values and rules on the claim, so that
a world costs a few milliseconds.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from adabench.harness.analysis.claims.evidence import Evidence, Ruling
from adabench.harness.analysis.claims.verdicts import rule_of
from adabench.harness.analysis.operating_points import CaseTable, OperatingPoint
from adabench.harness.analysis.replicates import ReplicateIndex
from adabench.harness.contract.card import Card, Knob, Metric
from adabench.harness.contract.claim import Claim, Over
from adabench.harness.contract.expectations import (
    Contrast,
    Difference,
    Expectation,
    Frontier,
    Level,
    Monotone,
    Ratio,
    Reach,
)
from adabench.harness.store.table import Table

Array = npt.NDArray[np.float64]
Generator = np.random.Generator
MANY = 10_000
"""Trainings that there are recipes for: advice is not cut off here."""
TASK = Card(
    "World", role="static",
    metrics=(
        Metric("cost", "1", "lower", "work", primary=True),
        Metric("score", "points", "higher", "quality"),
        Metric("right", "share", "higher", "quality", primary=True),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Design:
    """What a run replicates."""

    over: Over
    blocks: int
    cases: int

    @property
    def shape(self) -> tuple[int, int]:
        """Blocks and cases of each."""
        return self.blocks, self.cases

    @property
    def scatter(self) -> float:
        """Whether blocks move what is measured: 1 or 0."""
        return 0.0 if self.over == "cases" else 1.0

    def with_blocks(self, blocks: int) -> "Design":
        """Return the design with another number of blocks."""
        return Design(self.over, blocks, self.cases)


@dataclass(frozen=True)
class Sides:
    """What a world needs of operating points: how many settings each side has."""

    ours: int = 1
    theirs: int = 1


@dataclass(frozen=True)
class Layout:
    """A run without its values."""

    evidence: Evidence
    leaves: CaseTable
    rows: Mapping[tuple[str, int], npt.NDArray[np.intp]]
    """By method and setting: its rows, block by block."""


Values = dict[tuple[str, int, str], Array]
"""Values (blocks, cases) by method, setting and metric."""
Draw = Callable[[Generator, Design, float], Values]
"""(generator, design, effect) -> values."""


Truth = Callable[[float], float]


@dataclass(frozen=True)
class World:
    """One form of claim on one sort of data."""

    form: str
    data: str
    claim: Claim
    """With the paper's effect, or limits."""
    full: float
    """The effect that the paper claims, as `draw` takes it."""
    at_bar: float | None
    """The effect exactly at the bar; None where the bar lies at no effect."""
    draw: Draw
    sides: Sides = Sides()
    nothing: float | None = 0.0
    """No effect, as `draw` takes it; None for claims of sameness, where there is no such side."""
    truth: Truth | None = None
    """What an effect is in the terms in which a verdict prints its estimate, where that is known."""


def world(
    form: str, data: str, expect: Expectation, effect: float | None, full: float,
    at_bar: float | None, draw: Draw, sides: Sides = Sides(), nothing: float | None = 0.0,
) -> World:  # fmt: skip
    """Return a world; its claim is one of a paper."""
    claim = Claim("W", "says", "measured", "paper", effect, expect)
    return World(form, data, claim, full, at_bar, draw, sides, nothing, truth_of(expect))


def truth_of(expect: Expectation) -> Truth | None:
    """Return what an effect is in a form's own terms; None where that has no closed form."""
    if isinstance(expect, Ratio) and expect.metric == "right":
        return None
    if isinstance(expect, Ratio | Reach):
        return math.exp
    if isinstance(expect, Level):
        above = expect.above
        return lambda effect: above + effect
    if isinstance(expect, Difference | Contrast | Frontier | Monotone):
        return lambda effect: effect
    return None


@lru_cache(maxsize=8)
def layout(sides: Sides, design: Design) -> Layout:
    """Return the operating points of a run of that shape, as `collapse` would from its records."""
    counts = {"new": sides.ours, "old": sides.theirs}
    cards = {
        name: Card(name, role="static", knobs=(Knob("k", tuple(range(many)), 0),))
        for name, many in counts.items()
    }
    settings = [(name, k) for name, many in counts.items() for k in range(many)]
    each, cases = design.blocks * design.cases, design.cases
    seed, case = np.divmod(np.tile(np.arange(each), len(settings)), cases)
    group = case % 2
    trained = tuple(range(design.blocks)) if design.over == "trainings" else ()
    where = ReplicateIndex(
        np.arange(design.blocks), ("even", "odd"), cases, design.over, trained, MANY
    )
    nothing = np.zeros_like(case)
    table = Table((), nothing, case, nothing, where.groups, group, {})
    leaves = CaseTable(table, where, (seed * 2 + group) * cases + case)
    rows = {one: np.arange(each) + i * each for i, one in enumerate(settings)}
    dots = [
        OperatingPoint("world", name, "embedded", {"k": k}, {}, leaves, rows[name, k])
        for name, k in settings
    ]
    return Layout(Evidence("world", TASK, cards, dots), leaves, rows)


def judge(own: World, generator: Generator, design: Design, effect: float) -> Ruling:
    """Draw one world of a given effect and rule on its claim."""
    return ruled(own, design, own.draw(generator, design, effect))


def ruled(own: World, design: Design, values: Mapping[tuple[str, int, str], Array]) -> Ruling:
    """Rule on a world's claim with given values."""
    shape = layout(own.sides, design)
    size = len(shape.leaves.numbers)
    columns = {metric.name: np.full(size, np.nan) for metric in TASK.metrics}
    for (method, setting, metric), each in values.items():
        columns[metric][shape.rows[method, setting]] = each.ravel()
    filled = replace(shape.leaves, table=replace(shape.leaves.table, columns=columns))
    dots: list[OperatingPoint] = [replace(dot, leaves=filled) for dot in shape.evidence.dots]
    return rule_of(own.claim, "new", replace(shape.evidence, dots=dots))


def per_block(generator: Generator, design: Design, spread: float) -> Array:
    """Return what each block does: (blocks, 1)."""
    return spread * design.scatter * generator.normal(size=(design.blocks, 1))


def noise(generator: Generator, design: Design, kind: str) -> Array:
    """Return noise of cases of mean 0 and spread 1: (blocks, cases)."""
    if kind == "normal":
        return generator.normal(size=design.shape)
    return generator.exponential(size=design.shape) - 1


def paired_costs(generator: Generator, design: Design, kind: str) -> tuple[Array, Array]:
    """Return costs of two sides with one mean: (blocks, cases) each.

    `log-normal`: with a spread of 1 and a correlation of 0.8; `skewed`: one of 0.5, times exponential noise.
    """
    x = generator.normal(size=design.shape)
    if kind == "log-normal":
        return np.exp(x), np.exp(0.8 * x + 0.6 * generator.normal(size=design.shape))
    base = np.exp(0.5 * x)
    return base, base * (1 + 0.4 * noise(generator, design, "skewed"))


def costs(kind: str) -> Draw:
    """Costs; ours is exp(effect) times the rival's, up to what blocks and cases do."""

    def draw(generator: Generator, design: Design, effect: float) -> Values:
        base, ours = paired_costs(generator, design, kind)
        change = effect + per_block(generator, design, 0.1) - 0.005 * design.scatter
        ours = ours * np.exp(change)
        return {("new", 0, "cost"): ours, ("old", 0, "cost"): base}

    return draw


def scores(kind: str) -> Draw:
    """Scores; ours is higher by the effect, up to what blocks and cases do."""

    def draw(generator: Generator, design: Design, effect: float) -> Values:
        base = noise(generator, design, kind)
        change = effect + per_block(generator, design, 0.1)
        ours = base + change + 0.5 * noise(generator, design, kind)
        return {("new", 0, "score"): ours, ("old", 0, "score"): base}

    return draw


def answers(rate: float, agree: float = 0.5, spread: float = 0.02) -> Draw:
    """Right answers; ours more often by the effect. So many of the cases are drawn in common."""

    def draw(generator: Generator, design: Design, effect: float) -> Values:
        luck = generator.random(design.shape)
        our_luck = np.where(
            generator.random(design.shape) < agree,
            luck,
            generator.random(design.shape),
        )
        most = design.scatter * min(spread, rate / 3, (1 - rate) / 3)
        shift = most * generator.uniform(-1.7, 1.7, (design.blocks, 1))
        ours, theirs = our_luck < rate + effect + shift, luck < rate + 0 * shift
        return {
            ("new", 0, "right"): ours.astype(np.float64),
            ("old", 0, "right"): theirs.astype(np.float64),
        }

    return draw


def both(first: Draw, second: Draw, fixed: float) -> Draw:
    """Two metrics of the same method: the effect goes to the second, the first has a fixed one."""

    def draw(generator: Generator, design: Design, effect: float) -> Values:
        return first(generator, design, fixed) | second(generator, design, effect)

    return draw


def in_odd_cases(generator: Generator, design: Design, effect: float) -> Values:
    """The effect in every second case only, over one that all cases have."""
    found = scores("normal")(generator, design, 0.3)
    found["new", 0, "score"][:, 1::2] += effect + per_block(generator, design, 0.1)
    return found


def related(generator: Generator, design: Design, effect: float) -> Values:
    """Cost and score of a Gaussian correlation `effect`; blocks move both, independently."""
    x = generator.normal(size=design.shape)
    y = effect * x + np.sqrt(1 - effect**2) * generator.normal(size=design.shape)
    move = [per_block(generator, design, 0.2) for _ in range(2)]
    return {("new", 0, "cost"): np.exp(x + move[0]), ("new", 0, "score"): y + move[1]}


def curve(heights: tuple[float, ...], spread: float) -> Draw:
    """A metric over a knob: `heights` times the effect, with noise of `spread` at each value."""

    def draw(generator: Generator, design: Design, effect: float) -> Values:
        base = generator.normal(size=design.shape) + per_block(generator, design, 0.3)
        return {
            ("new", k, "score"): base + effect * height + per_block(generator, design, 0.01)
            + spread * generator.normal(size=design.shape)
            for k, height in enumerate(heights)
        }  # fmt: skip

    return draw


CORNERS = (np.array([1.0, 2.0, 4.0]), np.array([0.0, 0.4, 0.6]))
"""A front: three settings, of which all points between them can be mixed."""


def points(many: int) -> tuple[Array, Array]:
    """Return costs and scores of so many settings: the three corners, others on the front or below.

    Every second of the others lies 0.05 below: near ties invite choosing.
    """
    cost = np.unique(np.concatenate([CORNERS[0], np.linspace(1.1, 3.9, max(many - 3, 0))]))
    score = np.interp(cost, *CORNERS)
    others = ~np.isin(cost, CORNERS[0])
    return cost, score - 0.05 * (others & (np.arange(len(cost)) % 2 == 0))


def _front(
    generator: Generator,
    name: str,
    many: int,
    hard: Array,
    lift: float,
    spread: float,
    design: Design,
) -> Values:
    """Return costs and scores of all settings of one side; blocks move each by itself."""
    found = {}
    for k, (cost, score) in enumerate(zip(*points(many), strict=True)):
        own = per_block(generator, design, 0.05) + spread * generator.normal(size=hard.shape)
        found[name, k, "score"] = score + lift + hard + own
        found[name, k, "cost"] = cost * np.exp(0.1 * generator.normal(size=hard.shape) - 0.005)
    return found


def fronts(ours: int, theirs: int, spread: float = 0.3) -> Draw:
    """Two sides with one front; ours lies higher by the effect."""

    def draw(generator: Generator, design: Design, effect: float) -> Values:
        hard = generator.normal(size=design.shape) + per_block(generator, design, 0.2)
        mine = _front(generator, "new", ours, hard, effect, spread, design)
        return mine | _front(generator, "old", theirs, hard, 0.0, spread, design)

    return draw


def reaching(many: int, spread: float = 0.2) -> Draw:
    """A front, and a rival at cost 2.5 whose score the front has at 2.5 exp(effect)."""

    def draw(generator: Generator, design: Design, effect: float) -> Values:
        hard = generator.normal(size=design.shape) + per_block(generator, design, 0.2)
        found = _front(generator, "new", many, hard, 0.0, spread, design)
        level = float(np.interp(2.5 * np.exp(effect), *CORNERS))
        own = per_block(generator, design, 0.05) + spread * generator.normal(size=hard.shape)
        found["old", 0, "score"] = level + hard + own
        found["old", 0, "cost"] = 2.5 * np.exp(0.1 * generator.normal(size=hard.shape) - 0.005)
        return found

    return draw


def ranks(many: int) -> Draw:
    """One score against a rival of many settings."""

    def draw(generator: Generator, design: Design, effect: float) -> Values:
        hard = generator.normal(size=design.shape)
        found = {
            ("old", k, "score"): hard + generator.normal(size=design.shape) for k in range(many)
        }
        move = effect + per_block(generator, design, 0.1)
        found["new", 0, "score"] = hard + move + generator.normal(size=design.shape)
        return found

    return draw


def one_share(rate: float) -> Draw:
    """A share of cases; blocks move it by a fifth of the way to the nearer end."""

    def draw(generator: Generator, design: Design, effect: float) -> Values:
        level = rate + effect
        room = 0.2 * design.scatter * min(level, 1 - level)
        move = generator.uniform(-room, room, (design.blocks, 1))
        return {("new", 0, "right"): (generator.random(design.shape) < level + move) * 1.0}

    return draw
