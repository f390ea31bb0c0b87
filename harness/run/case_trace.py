"""One case of one method, taken apart and held against the machine's ceilings.

Nothing of it becomes a record: what is measured here is measured under tools that disturb.
"""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from adabench.harness.contract import registry
from adabench.harness.contract.protocols import rehearse
from adabench.harness.contract.record import Cell
from adabench.harness.errors import (
    AdabenchError,
    MethodContractError,
    SelectionError,
    StoreError,
)
from adabench.harness.plan.grid import plan
from adabench.harness.plan.request import PlanRequest, expand
from adabench.harness.provenance import hardware_profile
from adabench.harness.store import prepared_states, run_folder
from adabench.profilers.compute.torch_trace import Line, Roof, Trace, roof, watch
from adabench.profilers.nvml import Unmetered

T = TypeVar("T")

CEILING_S = 0.05
"""Seconds for each ceiling that is measured on the spot."""


@dataclass(frozen=True)
class TraceRequest:
    """Which case of which method to trace."""

    address: str
    fixed: tuple[str, ...] = ()
    scale: str = "embedded"
    seed: int = 0
    case: int = 0
    out: Path | None = None
    """Where the files go; by default into a folder of their own under `runs/`."""
    profile: str | None = None
    """A hardware profile whose ceilings are taken."""


@dataclass(frozen=True)
class CaseTrace:
    """A trace of one case, with the roof over it if there is one."""

    cell: Cell
    case: int
    trace: Trace
    roof: Roof | None
    roofless: str
    """Why there are no ceilings."""
    folder: Path
    files: tuple[Path, ...]

    @property
    def setting(self) -> str:
        """The conditions and knobs, as words."""
        values = {**self.cell.conditions, **self.cell.point}
        return " ".join(f"{name}={value}" for name, value in values.items())

    def fraction(self, work: Trace | Line, seconds: float) -> float | None:
        """Return the share of its ceiling that some work reached, if there is a roof."""
        return self.roof.fraction(work.flops, work.moved_bytes, seconds) if self.roof else None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data; what was not counted is null."""
        trace = self.trace
        return {
            "cell": self.cell.to_json(),
            "case": self.case,
            "intrusive": True,
            "instrument": trace.instrument,
            "blind": trace.blind,
            "place": trace.place,
            "dtype": trace.dtype,
            "threads": trace.threads,
            "plain_s": trace.plain_s,
            "traced_s": trace.traced_s,
            "flops": trace.flops,
            "moved_bytes": trace.moved_bytes,
            "ceilings": asdict(self.roof) if self.roof else {"unavailable": self.roofless},
            "of_ceiling": self.fraction(trace, trace.plain_s),
            "lines": [
                asdict(line) | {"of_ceiling": self.fraction(line, line.seconds(trace.place))}
                for line in trace.lines
            ],
            "kernels": [kernel._asdict() for kernel in trace.kernels],
            "files": [str(path) for path in self.files],
        }


def trace_case(request: TraceRequest) -> CaseTrace:
    """Trace one case; what the profiler itself writes goes into the request's folder.

    `reports/figures/trace_files.py` adds the picture and the tables.

    Raises:
        SelectionError: if that is not one method, setting and case.
        EnvironmentProblem: if it cannot run here, or the profile is another machine's.
        MethodContractError: if the method fails.
        StoreError: if the folder cannot be written.
    """
    cell = _cell(request)
    ceilings = _profile_ceilings(request.profile) if request.profile else None
    folder = _make_folder(request)
    call = _guard(request.address, _solve(cell, request))
    trace = write_or_refuse(folder, partial(watch, call, folder))
    over, roofless = _roof(trace, ceilings, request.profile)
    return CaseTrace(cell, request.case, trace, over, roofless, folder, trace.files)


def write_or_refuse(folder: Path, write: Callable[[], T]) -> T:
    """Return what `write` returns.

    Raises:
        StoreError: if the folder cannot be written.
    """
    try:
        return write()
    except OSError as problem:
        raise StoreError(
            f"The trace cannot be written to {folder}: {problem.strerror}.",
            "Choose another folder with --out.",
        ) from problem


def _cell(request: TraceRequest) -> Cell:
    if "/" not in request.address or any(mark in request.address for mark in "*?["):
        raise SelectionError(
            f"trace takes one method, not {request.address!r}.", "For example: ledger/mor"
        )
    selection = PlanRequest((request.address,), request.fixed, star=False)
    [turn] = plan(expand([selection]), seeds=(request.seed,), scale=request.scale)
    return turn.cell


def _solve(cell: Cell, request: TraceRequest) -> Callable[[], object]:
    """Load the task, prepare the state (from disk if it is there) and bind the case."""
    entries = registry.find(cell.task), registry.find(cell.address)
    task, method = registry.load(entries[0]), registry.load(entries[1])
    loaded = task.load(cell.scale, cell.seed, **cell.conditions)
    state = loaded
    if hasattr(method, "prepare"):
        state = _guard(cell.address, partial(_prepare, cell, entries, loaded, method))()
    cases = list(islice(loaded.cases(), request.case, request.case + 1))
    if not cases:
        raise SelectionError(
            f"{cell.task} has no case {request.case} under these conditions.",
            "Cases are counted from 0.",
        )
    solve = partial(method.solve, state, cases[0], cell.point)
    _guard(cell.address, partial(rehearse, loaded, solve))()
    return solve


def _prepare(cell: Cell, entries: tuple[Any, Any], task: Any, method: Any) -> Any:
    usual = {knob.name: knob.default for knob in entries[1].card.knobs if knob.at == "solve"}
    key = prepared_states.key(replace(cell, point={**cell.point, **usual}), *entries)
    stored = prepared_states.load(prepared_states.default_folder(), key, task)
    # What it costs is not measured here, so it is not stored: a run would take it for free.
    return stored.state if stored else method.prepare(task, cell.point, cell.seed)


def _guard(address: str, call: Callable[[], Any]) -> Callable[[], Any]:
    """Turn what a method raises into a sentence that names it."""

    def guarded_call() -> Any:
        try:
            return call()
        except AdabenchError:
            raise
        except Exception as problem:
            last = traceback.extract_tb(problem.__traceback__)[-1]
            raise MethodContractError(
                f"{address} failed: {type(problem).__name__}: {problem} "
                f"({Path(last.filename).name}, line {last.lineno}).",
                f"adabench check {address}",
            ) from problem

    return guarded_call


def _make_folder(request: TraceRequest) -> Path:
    name = run_folder.run_name(datetime.now().astimezone(), ["trace", request.address])
    folder = request.out or Path("runs") / name
    write_or_refuse(folder, lambda: folder.mkdir(parents=True, exist_ok=True))
    return folder


def _profile_ceilings(name: str) -> Mapping[str, Any]:
    """Return a profile's ceilings, if this machine is the one it describes."""
    profile = hardware_profile.read_profile(name)
    differences, _ = hardware_profile.compare_machine(profile, identity=True)
    hardware_profile.refuse_difference(
        name,
        differences,
        otherwise="or leave --profile out: the ceilings are then measured on the spot.",
    )
    return profile.ceilings


def _roof(
    trace: Trace, ceilings: Mapping[str, Any] | None, name: str | None
) -> tuple[Roof | None, str]:
    """Return the roof, or why there is none."""
    if trace.flops is None and trace.moved_bytes is None:
        return None, "No FLOPs and no bytes were counted, so there is nothing to hold to a ceiling."
    whence = f"profile {Path(name).stem}" if name else "measured just now"
    if ceilings is None:
        from adabench.profilers.hardware.ceilings import measure_apart

        try:
            ceilings = measure_apart(CEILING_S).values
        except Unmetered as problem:
            return None, str(problem)
    over = roof(ceilings, trace.place, trace.dtype, trace.threads, whence)
    if over is None:
        return None, f"The ceilings lack copies or {trace.dtype} products of {trace.place}."
    return over, ""
