"""Conditions that name a model, data or a device are tried before a run begins.

A task may have a function `check_conditions(conditions)`: it refuses what cannot work, quickly, and loads
nothing large. It is asked once for each set of conditions of a plan. Only tasks with such a
condition are imported for it; whatever another one refuses, it refuses when it is loaded.
"""

from collections.abc import Iterable
from pathlib import Path

from adabench.harness.contract import registry
from adabench.harness.contract.record import Turn
from adabench.harness.plan.grid import SOURCES
from adabench.harness.store.packed_run import refuse_packed
from adabench.harness.store.run_folder import MANIFEST


def check_conditions(turns: Iterable[Turn], out: Path | None = None) -> None:
    """Ask the tasks of a plan whether their conditions can work here; first see to the run's folder.

    Raises:
        StoreError: if `out` holds a packed run.
        SelectionError: for a condition that makes no sense.
        EnvironmentProblem: if a package, a device, a network or a server is missing.
    """
    if out is not None:
        refuse_packed(out / MANIFEST)
    seen: set[tuple[str, str]] = set()
    for turn in turns:
        task, conditions = turn.cell.task, turn.cell.conditions
        name = task, repr(sorted(conditions.items()))
        if name in seen or not SOURCES & conditions.keys():
            continue
        seen.add(name)
        own = getattr(registry.load(registry.find(task)), "check_conditions", None)
        if own is not None:
            own(conditions)
