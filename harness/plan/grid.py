"""Selection x knobs x seeds x repeats, as an ordered tuple of turns.

**Which settings.** By default one factor is swept at a time: every knob and condition
runs through its card's values while all others stay at their defaults (a star). `fixed`
pins some of them; `swept` replaces the star by the product of exactly the named ones.

**Which order.** For each task and seed, and within them for each set of conditions (a task
is loaded by its conditions): repeats outermost, and inside a repeat the methods in shuffled
order, A B C then C A B. Drift of the machine would otherwise sit in one method. The shuffle
is a function of the plan itself, so a resumed run goes on in the same order.
"""

import itertools
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card, Knob, Scalar
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import SelectionError, nearest

MOST_TURNS = 1_000_000
"""Of a plan that nobody confirmed; more is a typing error."""
Sweep = Mapping[str, Sequence[Scalar]]
"""By knob: its values."""
Setting = tuple[dict[str, Scalar], dict[str, Scalar]]
"""A point of the method and the conditions of the task."""


@dataclass(frozen=True)
class Selection:
    """What is asked of one method of one task."""

    task: Entry
    method: Entry
    settings: tuple[Setting, ...]

    @property
    def seeds(self) -> Sequence[int]:
        """Return the seeds of a run that names none."""
        return range(self.task.card.seeds)


def select_settings(
    task: Entry,
    method: Entry,
    *,
    fixed: Mapping[str, Scalar] | None = None,
    swept: Sweep | None = None,
    star: bool = True,
) -> Selection:
    """Spread one method over its settings.

    `fixed` and `swept` may name knobs that this method and task lack (other selected ones
    may have them); `check_names` refuses a name that nobody has.

    Raises:
        SelectionError: if a value is not one that the knob takes.
    """
    both = set(fixed or ()) & set(swept or ())
    if both:
        raise SelectionError(f"{', '.join(sorted(both))} cannot be pinned and swept at once.")
    usual = _usual_sweeps(task, fixed or {})
    knobs = tuple(
        replace(knob, values=tuple(usual[knob.name]), default=usual[knob.name][0])
        if knob.name in usual
        else knob
        for knob in (*task.card.knobs, *method.card.knobs)
    )
    own = _own_conditions(task, method, fixed or {})
    base: dict[str, Scalar] = {knob.name: knob.default for knob in knobs} | own
    base |= {
        name: check_value(_named(knobs, name), value)
        for name, value in (fixed or {}).items()
        if name in base
    }
    points = _product(knobs, base, swept) if swept else [base]
    if star and not swept:
        points += _star(knobs, base, {*(fixed or {}), *own})
    return Selection(task, method, tuple(_split(task.card, point) for point in points))


def _own_conditions(task: Entry, method: Entry, fixed: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return what a method's card pins, but for what belongs to data, say, in whose place others are named."""
    defaults = task.card.defaults
    elsewhere = {
        knob.name
        for knob in task.card.knobs
        if knob.of in fixed and fixed[knob.of] != defaults[knob.of]
    }
    return {name: value for name, value in method.card.conditions.items() if name not in elsewhere}


def _usual_sweeps(task: Entry, fixed: Mapping[str, Scalar]) -> Sweep:
    """Return by knob what a task and its methods run where a source is named; the first value is the default."""
    if not SOURCES & fixed.keys() & task.card.defaults.keys():
        return {}
    usual: Callable[[Mapping[str, Scalar]], Sweep] | None
    usual = getattr(registry.load(task), "usual_sweeps", None)
    return usual(fixed) if usual else {}


def plan(
    selections: Iterable[Selection],
    *,
    seeds: Sequence[int] = (),
    repeats: int = 1,
    scale: str = "embedded",
    most: float = MOST_TURNS,
    counts: bool = False,
) -> tuple[Turn, ...]:
    """Lay out every turn of a run, in the order in which they are executed.

    What is measured is interleaved by lot; what is counted only goes method by method.

    Without `seeds` every task has as many as its card says.

    Raises:
        SelectionError: if a task does not have the scale, or there are more than `most` turns.
    """
    selections = tuple(selections)
    count = repeats * sum(
        len(selection.settings) * len(seeds or selection.seeds) for selection in selections
    )
    if count > most:
        raise SelectionError(
            f"This is a plan of up to {count:,} runs.",
            "Narrow the selection, the seeds or the repeats; --yes runs it all the same.",
        )
    for selection in selections:
        if scale not in selection.task.card.scales:
            known = ", ".join(selection.task.card.scales)
            raise SelectionError(
                f"{selection.task.name} has no scale {scale!r}.", f"It has: {known}."
            )
    blocks: dict[tuple[str, int, str], dict[str, Cell]] = {}
    for selection in selections:
        for seed in seeds or selection.seeds:
            for point, conditions in selection.settings:
                cell = Cell(
                    selection.task.name, selection.method.name, point, conditions, scale, seed
                )
                block = (cell.task, seed, repr(sorted(conditions.items())))
                blocks.setdefault(block, {}).setdefault(cell.key, cell)
    turns: list[Turn] = []
    for block, cells in sorted(blocks.items(), key=lambda item: item[0][:2]):
        for repeat in range(repeats):
            order = sorted(cells)
            if counts:
                order.sort(key=lambda key: cells[key].method)
            else:
                random.Random(f"{block}{repeat}").shuffle(order)
            turns += [Turn(cells[key], repeat, counts) for key in order]
    return tuple(turns)


SOURCES = frozenset({"model", "judge", "draft", "data", "device", "dtype"})
"""Conditions that say where something comes from: each has an option of the command line."""
MOST_NAMED = 5


def check_names(names: Iterable[str], selections: Iterable[tuple[Entry, Entry]]) -> None:
    """Refuse a knob that no selected task or method has.

    Raises:
        SelectionError: naming the nearest knob.
    """
    known = {knob.name for pair in selections for entry in pair for knob in entry.card.knobs}
    for name in names:
        if name not in known:
            raise SelectionError(
                f"Nothing that was selected has a knob or condition called {name!r}.",
                _remedy(name, known),
            )


def _remedy(name: str, known: set[str]) -> str:
    """Say who takes a condition that nothing selected has; else which name is near."""
    takers = [
        task
        for task, entry in sorted(registry.tasks().items())
        if any(knob.name == name for knob in entry.card.knobs)
    ]
    if takers:
        return f"Leave it out, or select what has it: {', '.join(takers[:MOST_NAMED])}."
    if name in SOURCES:
        return f"Leave it out: no task or method takes a {name} yet."
    return nearest(name, known)


def check_value(knob: Knob, value: Scalar) -> Scalar:
    """Return the value in the knob's own type.

    Raises:
        SelectionError: if it is not a number where one is needed, is not finite, lies out of
            bounds, or is not one of a closed knob's values.
    """
    typed = _typed(knob, value)
    if isinstance(typed, float) and not math.isfinite(typed):
        raise SelectionError(f"{knob.name} must be a finite number, not {value}.", _range(knob))
    taken = (*knob.values, *knob.also)
    if not knob.open and typed not in taken:
        raise SelectionError(
            f"{knob.name} cannot be {value!r}.", nearest(str(value), map(str, taken))
        )
    if not isinstance(typed, str | bool) and not _within(knob, typed):
        raise SelectionError(f"{knob.name} = {typed} is out of range.", _range(knob))
    return typed


def _typed(knob: Knob, value: Scalar) -> Scalar:
    """Read text as the type of the knob's default; whole floats pass for integers."""
    kind = type(knob.default)
    if kind is bool:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if str(value).lower() in words:
            return words[str(value).lower()]
    elif kind is str:
        return str(value)
    else:
        try:
            number = float(value)
        except ValueError:
            number = math.nan if value == "" else math.inf
        if kind is float or (math.isfinite(number) and number.is_integer()):
            return kind(number)
    raise SelectionError(f"{knob.name} cannot be {value!r}.", _range(knob))


def _within(knob: Knob, value: float) -> bool:
    low = -math.inf if knob.low is None else knob.low
    high = math.inf if knob.high is None else knob.high
    return low <= value <= high


def _range(knob: Knob) -> str:
    usual = ", ".join(map(str, (*knob.values, *knob.also)))
    low, high = knob.low, knob.high
    bounds = f" from {low}" if low is not None else ""
    bounds += f" to {high}" if high is not None else ""
    return (
        f"{knob.name} takes {'any value' + bounds + '; usual' if knob.open else 'one of'}: {usual}."
    )


def _named(knobs: Sequence[Knob], name: str) -> Knob:
    return next(knob for knob in knobs if knob.name == name)


def _star(
    knobs: Sequence[Knob], base: Mapping[str, Scalar], pinned: set[str]
) -> list[dict[str, Scalar]]:
    return [
        {**base, knob.name: value}
        for knob in knobs
        if knob.name not in pinned
        for value in knob.values
        if value != base[knob.name]
    ]


def _product(
    knobs: Sequence[Knob], base: Mapping[str, Scalar], swept: Sweep
) -> list[dict[str, Scalar]]:
    names = [name for name in swept if name in base]
    ranges = [[check_value(_named(knobs, name), value) for value in swept[name]] for name in names]
    return [
        {**base, **dict(zip(names, values, strict=True))} for values in itertools.product(*ranges)
    ]


def _split(task: Card, point: Mapping[str, Scalar]) -> Setting:
    conditions = {name: value for name, value in point.items() if task.knob(name)}
    return {name: value for name, value in point.items() if name not in conditions}, conditions


def read_conditions(card: Card, words: Sequence[str]) -> dict[str, Scalar]:
    """Read `name=value` texts that pin conditions of a task.

    Raises:
        SelectionError: for a name or a value that the task has not.
    """
    knobs, found = {knob.name: knob for knob in card.knobs}, dict[str, Scalar]()
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or name not in knobs:
            raise SelectionError(
                f"{word!r} is no condition: write name=value.", nearest(name, knobs)
            )
        found[name] = check_value(knobs[name], text)
    return found
