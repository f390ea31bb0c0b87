"""Conditions that name a model, data or a device are tried before a run begins.

A task may have functions for it, which load nothing large. `check_conditions(conditions)` refuses what
cannot work; it is asked once for each set of conditions of a plan. `check_cases(conditions, seeds)`
refuses cases that cannot be asked: a broken line of a file that only a later seed reads.
`counts_only(conditions)` says why nothing may be timed under them: a run of nothing else is counted. `missing_abilities(conditions)` says what some
methods will lack (`harness/plan/shortages.py`), `missing_point(method, point, conditions)` why a model has no such
point. Only tasks with such a condition, or with a method whose card names an ability, are imported for it; whatever
another one refuses, it refuses when it is loaded. At scale `gpu` models have random weights, and lack nothing that is trained.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from adabench.harness.contract import registry
from adabench.harness.contract.card import Point
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.errors import SelectionError
from adabench.harness.plan.grid import SOURCES
from adabench.harness.plan.shortages import Absence, Shortage, find_shortages
from adabench.harness.store.packed_run import refuse_packed
from adabench.harness.store.run_folder import MANIFEST

MECHANICS = "gpu"
"""The scale at which tasks run shapes without weights."""
Conditions = tuple[str, str]
"""A task, and a set of its conditions as a text."""


def check_conditions(turns: Sequence[Turn], out: Path | None = None) -> tuple[Shortage, ...]:
    """Ask the tasks of a plan whether their conditions can work here; first see to the run's folder.

    Returned is what some methods lack, who will be skipped.

    Raises:
        StoreError: if `out` holds a packed run.
        SelectionError: for a condition that makes no sense.
        EnvironmentProblem: if a package, a device, a network or a server is missing.
        MissingAbility: if no method of the plan has what it needs.
    """
    if out is not None:
        refuse_packed(out / MANIFEST)
    cells: dict[Conditions, Cell] = {}
    seeds: dict[Conditions, dict[int, None]] = {}
    for turn in turns:
        name = _name(turn.cell)
        cells.setdefault(name, turn.cell)
        seeds.setdefault(name, {})[turn.cell.seed] = None
    _check_clock(turns)
    needy = _needy(turns)
    absences = {
        name: _absences(cell, tuple(seeds[name])) for name, cell in cells.items()
        if SOURCES & cell.conditions.keys() or name in needy
    }  # fmt: skip
    points = {task: _points(task) for task in {turn.cell.task for turn in turns}}

    def obstacle(cell: Cell) -> Absence | None:
        missing = points[cell.task] if SOURCES & cell.conditions.keys() else None
        return None if missing is None else missing(cell.method, cell.point, cell.conditions)

    return find_shortages(turns, lambda cell: absences.get(_name(cell), {}), obstacle)


MissingPoint = Callable[[str, Point, Point], Absence | None]


def _points(task: str) -> MissingPoint | None:
    """Return what says why a model has no point; None for a task without models of the user's."""
    entry = registry.find(task)
    if not SOURCES & entry.card.defaults.keys():
        return None
    found: MissingPoint | None = getattr(registry.load(entry), "missing_point", None)
    return found


def untimed(turns: Sequence[Turn]) -> str:
    """Return why nothing of a plan may be timed; nothing where something may."""
    found = _replays(turns)
    return found[0] if found and all(found) else ""


def _check_clock(turns: Sequence[Turn]) -> None:
    """Refuse to time what a task only replays."""
    if why := next(filter(None, _replays(turns)), ""):
        raise SelectionError(why, "Add --counts.")


def _replays(turns: Sequence[Turn]) -> list[str]:
    """Return for each set of conditions that is to be timed why it may not be; nothing where it may."""
    cells = {_name(turn.cell): turn.cell for turn in turns if not turn.counts}.values()
    return [_replay(cell) for cell in cells]


def _replay(cell: Cell) -> str:
    if not SOURCES & cell.conditions.keys():
        return ""
    counts_only = getattr(registry.load(registry.find(cell.task)), "counts_only", None)
    return "" if counts_only is None else str(counts_only(cell.conditions))


def _needy(turns: Sequence[Turn]) -> set[Conditions]:
    """Return the conditions under which a method of a plan needs an ability."""
    addresses = {turn.cell.address for turn in turns}
    needs = {address: registry.find(address).card.abilities for address in addresses}
    return {
        _name(turn.cell)
        for turn in turns
        if needs[turn.cell.address] and turn.cell.scale != MECHANICS
    }


def _name(cell: Cell) -> Conditions:
    return cell.task, repr(sorted(cell.conditions.items()))


def _absences(cell: Cell, seeds: tuple[int, ...]) -> Mapping[str, Absence]:
    """Ask a task about the conditions of a cell; return what no method of it gets under them."""
    task = registry.load(registry.find(cell.task))
    if hasattr(task, "check_conditions"):
        task.check_conditions(cell.conditions)
    if hasattr(task, "check_cases"):
        task.check_cases(cell.conditions, seeds)
    if not hasattr(task, "missing_abilities"):
        return {}
    found: Mapping[str, Absence] = task.missing_abilities(cell.conditions)
    return found
