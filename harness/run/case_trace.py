"""One case of one method, taken apart and held against the machine's ceilings.

Nothing of it becomes a record: what is measured here is measured under tools that disturb.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from adabench.harness.contract.record import Cell
from adabench.harness.errors import MethodContractError, SelectionError, StoreError
from adabench.harness.plan.grid import plan
from adabench.harness.plan.request import PlanRequest, expand
from adabench.harness.provenance import hardware_profile
from adabench.harness.run.execute import Bench
from adabench.harness.run.failure import MethodFailure, MethodLost
from adabench.harness.run.settings import Settings
from adabench.harness.store import prepared_states, run_folder
from adabench.profilers.compute.torch_trace import Line, Roof, Trace, roof
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
            "uncounted": list(trace.uncounted),
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

    `reports/figures/roofline.py` adds the picture and the tables.

    Raises:
        SelectionError: if that is not one method, setting and case.
        EnvironmentProblem: if it cannot run here, or the profile is another machine's.
        MethodContractError: if the method fails.
        StoreError: if the folder cannot be written.
    """
    cell = _cell(request)
    ceilings = _profile_ceilings(request.profile) if request.profile else None
    folder = _make_folder(request)
    trace = write_or_refuse(folder, partial(_trace, cell, request, folder))
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


def _trace(cell: Cell, request: TraceRequest, folder: Path) -> Trace:
    """Trace the case in the method's own process."""
    settings = Settings(cache_folder=prepared_states.default_folder())
    with closing(Bench(settings)) as bench:
        try:
            return bench.trace(cell, request.case, folder)
        except IndexError as absent:
            raise SelectionError(
                f"{cell.task} has no case {request.case} under these conditions.",
                "Cases are counted from 0.",
            ) from absent
        except MethodFailure as failed:
            if failed.problem is not None:
                raise failed.problem from failed
            first = failed.note.partition("\n")[0]
            raise MethodContractError(
                f"{request.address} failed: {first} ({failed.place}).",
                f"adabench check {request.address}",
            ) from failed
        except MethodLost as lost:
            raise MethodContractError(
                f"{request.address} failed: {lost.note}.", f"adabench check {request.address}"
            ) from lost


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
        otherwise="or leave --hardware out: the ceilings are then measured on the spot.",
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
