"""Conditions that name a model, data or a device are tried before a run begins.

A task may have a function `check_conditions(conditions)`: it refuses what cannot work, quickly, and loads
nothing large. It is asked once for each set of conditions of a plan, and after it
`missing_abilities(conditions)`, if the task has that (`shortages.py`). Only tasks with such a
condition are imported for it; whatever another one refuses, it refuses when it is loaded.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from adabench.harness.contract import registry
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.plan.grid import SOURCES
from adabench.harness.run.shortages import Absence, Shortage, find_shortages
from adabench.harness.store.packed_run import refuse_packed
from adabench.harness.store.run_folder import MANIFEST


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
    absences: dict[tuple[str, str], Mapping[str, Absence]] = {}
    for turn in turns:
        if _name(turn.cell) not in absences:
            absences[_name(turn.cell)] = _absences(turn.cell)
    if not any(absences.values()):
        return ()
    return find_shortages(turns, lambda cell: absences[_name(cell)])


def _name(cell: Cell) -> tuple[str, str]:
    return cell.task, repr(sorted(cell.conditions.items()))


def _absences(cell: Cell) -> Mapping[str, Absence]:
    """Ask a task about the conditions of a cell; return what no method of it gets under them."""
    if not SOURCES & cell.conditions.keys():
        return {}
    task = registry.load(registry.find(cell.task))
    check, absences = (
        getattr(task, name, None) for name in ("check_conditions", "missing_abilities")
    )
    if check is not None:
        check(cell.conditions)
    return {} if absences is None else absences(cell.conditions)
