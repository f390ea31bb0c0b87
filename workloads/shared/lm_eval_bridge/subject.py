"""Puts a method to work outside a run: loaded once, measured at each case as a run would, journalled.

A case is measured as `harness/run/measurement.py` does with a block of one loop. The method is given its task's substrate; the task stays
with whoever scores. Both are in this process, apart by objects alone, since lm-eval runs its models in its own.
"""

import importlib.metadata
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.contract.card import Scalar
from adabench.harness.contract.protocols import case_environment, enter_case, starts_cold
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.plan.grid import check_names, select_settings
from adabench.harness.provenance import environment, run_sources
from adabench.harness.run.condition_check import check_conditions
from adabench.harness.store import run_folder
from adabench.profilers.energy.energy_probe import provenance
from adabench.profilers.probe import Probe, instruments, measured, open_probes
from adabench.profilers.timing.disturbance import Watch
from adabench.profilers.timing.stopping import collect


@dataclass
class Subject:
    """One method of one task, ready to solve cases."""

    cell: Cell
    role: str
    module: Any
    """The task's."""
    task: Any
    """With its cases and its score."""
    substrate: Any
    """What the method is given."""
    state: Any
    method: Any
    probes: list[Probe]
    watch: Watch = field(default_factory=Watch)
    warm: bool = False

    def solve(self, case: Any, *, own: bool = False) -> tuple[Any, Record]:
        """Return the answer to a case, and what it cost; the record's case is still 0.

        `own` says that the case is one of the task's.
        """
        oracle = self.role == "oracle"
        environment = case_environment(self.task, case, oracle=oracle) if own else None
        enter_case(self.substrate, case, environment)
        return self.measured(partial(self.method.solve, self.state, case, self.cell.point), case)

    def measured(self, call: Callable[[], Any], case: Any) -> tuple[Any, Record]:
        """Return what a call gives, and what it cost; the substrate counts it."""
        if not self.warm:  # the first call of a process pays for what later ones find ready
            call()
            self.warm = True
        meter = self.substrate.meter
        meter.clear()
        with measured(self.probes) as seen:
            timed = collect(call, 1, 1, self.watch)
        counts = {name: float(count) for name, count in meter.items()}
        values = {**seen, **timed.values(), **counts}
        energy = provenance(self.probes, 1)
        note, group = timed.samples.says(), str(getattr(case, "group", ""))
        return timed.answer, Record(
            self.cell, "solve", 0, 0, "ok", values, note, group=group, energy=energy
        )


def subject(
    address: str,
    seed: int,
    scale: str,
    asked: Mapping[str, Scalar],
    adapted: Callable[[Any], Any] | None = None,
) -> Subject:
    """Load a method and its task, and prepare it; `adapted` changes the task before.

    Raises:
        SelectionError: for a method, a scale, a knob or a value that does not exist, and for a
            model or data that cannot be; no weight is read before that.
        EnvironmentProblem: if a package, a device, a network or a server is missing.
    """
    entry = registry.find(address)
    home = registry.find(entry.task)
    check_names(asked, [(home, entry)])
    point, conditions = select_settings(home, entry, fixed=asked, star=False).settings[0]
    cell = Cell(home.name, entry.name, point, conditions, scale, seed)
    check_conditions([Turn(cell, 0)])
    module, method = registry.load(home), registry.load(entry)
    task = module.load(scale, seed, **conditions)
    task = task if adapted is None else adapted(task)
    given = _given(task, oracle=entry.card.role == "oracle")
    state = method.prepare(given, point, seed) if hasattr(method, "prepare") else given
    on_device = scale == "gpu" or getattr(task, "on_device", False)
    probes = open_probes(device="cuda" if on_device else None)
    made = Subject(cell, entry.card.role, module, task, given, state, method, probes)
    if starts_cold(given):
        given.warm()
        made.warm = True
    return made


def _given(task: Any, *, oracle: bool) -> Any:
    """Return what a method is given; an oracle gets the task itself unless there is less for it."""
    if not oracle:
        return task.substrate()
    make = getattr(task, "oracle_substrate", None)
    return task if make is None else make()


def journal(folder: Path, cell: Cell, asked: Mapping[str, Any]) -> run_folder.Run:
    """Start a run folder for one cell, which `claims`, `report` and `compare` read.

    Raises:
        StoreError: if it cannot be written or holds a run already.
    """
    turns = (Turn(cell, 0),)
    with closing(Watch()) as watch:
        unwatched = dict(watch.absent)
    manifest = {
        "adabench": importlib.metadata.version("adabench"),
        "command": sys.argv,
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "asked": dict(asked),
        "environment": environment.fingerprint(),
        "instruments": [{**asdict(item), "keys": list(item.keys)} for item in instruments()],
        "unwatched": unwatched,
        "sources": run_sources.digests(turns),
    }
    return run_folder.create(folder, turns, manifest)
