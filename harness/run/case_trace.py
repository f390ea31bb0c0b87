"""`trace`: one case of one method, taken apart and held against the machine's ceilings.

Nothing of it becomes a record: what is measured here is measured under tools that disturb.
"""

import json
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from adabench.cli.select import Leg, wishes
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
from adabench.harness.store import prepared_states, run_folder
from adabench.profilers.compute.torch_trace import Line, Roof, Trace, roof, watch
from adabench.profilers.nvml import Unmetered
from adabench.reports.figures.roofline import rate, save_roofline
from adabench.reports.number_format import quantity

T = TypeVar("T")

SHOWN = 20
"""Rows of the table for people; the files have all."""
CEILING_S = 0.05
"""Seconds for each ceiling that is measured on the spot."""


@dataclass(frozen=True)
class Wanted:
    """What the command line asked for."""

    address: str
    fixed: tuple[str, ...] = ()
    scale: str = "embedded"
    seed: int = 0
    case: int = 0
    out: Path | None = None
    profile: str | None = None


@dataclass(frozen=True)
class Traced:
    """A trace of one case, with the roof over it if there is one."""

    cell: Cell
    case: int
    trace: Trace
    roof: Roof | None
    roofless: str
    """Why there are no ceilings."""
    files: tuple[Path, ...]

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
            "of_ceiling": _fraction(self.roof, trace, trace.plain_s),
            "lines": [
                asdict(line) | {"of_ceiling": _fraction(self.roof, line, line.seconds(trace.place))}
                for line in trace.lines
            ],
            "kernels": [kernel._asdict() for kernel in trace.kernels],
            "files": [str(path) for path in self.files],
        }


def traced(wanted: Wanted) -> Traced:
    """Trace one case and write what was seen into a folder.

    Raises:
        SelectionError: if that is not one method, setting and case.
        EnvironmentProblem: if it cannot run here, or the profile is another machine's.
        MethodContractError: if the method fails.
        StoreError: if the folder cannot be written.
    """
    cell = _cell(wanted)
    ceilings = _pinned(wanted.profile) if wanted.profile else None
    folder = _folder(wanted)
    with redirect_stdout(sys.stderr):  # stdout is data: what a method prints is talk
        call = _guarded(wanted.address, _solve(cell, wanted))
        found = _written(folder, partial(watch, call, folder))
    found_roof, roofless = _roof(found, ceilings, wanted.profile)
    done = Traced(cell, wanted.case, found, found_roof, roofless, found.files)
    return _written(folder, partial(_with_files, done, folder))


def page(done: Traced) -> str:
    """Lay a trace out for a terminal."""
    trace = done.trace
    ratio = trace.traced_s / trace.plain_s
    added = f"{ratio:.1f} times" if ratio > 1 else "what it adds is lost in this machine's noise"
    head = [
        f"{done.cell.address} {_setting(done.cell)} seed {done.cell.seed}, case {done.case}",
        (
            f"untraced {quantity(trace.plain_s, 's')}, under {trace.instrument} "
            f"{quantity(trace.traced_s, 's')} ({added}): shares, not timings"
        ),
        *_work(done),
    ]
    rows = [_row(done, line) for line in trace.lines[:SHOWN]]
    left = len(trace.lines) - len(rows)
    kernels = [f"  {k.name[:60]:60} {k.calls:7} {quantity(k.device_s, 's'):>10}"
               for k in trace.kernels[:SHOWN]]  # fmt: skip
    return "\n".join(
        [
            *head, "", _columns(trace), *rows,
            *([f"  and {left} more in the table file"] if left else []),
            *(["", "kernels", *kernels] if kernels else []),
            "", f"Not seen: {trace.blind}", *(str(path) for path in done.files),
        ]
    )  # fmt: skip


def _cell(wanted: Wanted) -> Cell:
    if "/" not in wanted.address or any(mark in wanted.address for mark in "*?["):
        raise SelectionError(
            f"trace takes one method, not {wanted.address!r}.", "For example: ledger/mor"
        )
    leg = Leg((wanted.address,), wanted.fixed, star=False)
    [turn] = plan(wishes([leg]), seeds=(wanted.seed,), scale=wanted.scale)
    return turn.cell


def _solve(cell: Cell, wanted: Wanted) -> Callable[[], object]:
    """Load the task, prepare the state (from disk if it is there) and bind the case."""
    entries = registry.find(cell.task), registry.find(cell.address)
    task, method = registry.load(entries[0]), registry.load(entries[1])
    loaded = task.load(cell.scale, cell.seed, **cell.conditions)
    state = loaded
    if hasattr(method, "prepare"):
        state = _guarded(cell.address, partial(_prepared, cell, entries, loaded, method))()
    cases = list(islice(loaded.cases(), wanted.case, wanted.case + 1))
    if not cases:
        raise SelectionError(
            f"{cell.task} has no case {wanted.case} under these conditions.",
            "Cases are counted from 0.",
        )
    solve = partial(method.solve, state, cases[0], cell.point)
    _guarded(cell.address, partial(rehearse, loaded, solve))()
    return solve


def _prepared(cell: Cell, entries: tuple[Any, Any], task: Any, method: Any) -> Any:
    usual = {knob.name: knob.default for knob in entries[1].card.knobs if knob.at == "solve"}
    key = prepared_states.key(replace(cell, point={**cell.point, **usual}), *entries)
    stored = prepared_states.load(prepared_states.default_folder(), key, task)
    # What it costs is not measured here, so it is not stored: a run would take it for free.
    return stored.state if stored else method.prepare(task, cell.point, cell.seed)


def _guarded(address: str, call: Callable[[], Any]) -> Callable[[], Any]:
    """Turn what a method raises into a sentence that names it."""

    def guarded() -> Any:
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

    return guarded


def _folder(wanted: Wanted) -> Path:
    name = run_folder.run_name(datetime.now().astimezone(), ["trace", wanted.address])
    folder = wanted.out or Path("runs") / name
    return _written(folder, partial(_made, folder))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _written(folder: Path, write: Callable[[], T]) -> T:
    try:
        return write()
    except OSError as problem:
        raise StoreError(
            f"The trace cannot be written to {folder}: {problem.strerror}.",
            "Choose another folder with --out.",
        ) from problem


def _with_files(done: Traced, folder: Path) -> Traced:
    """Write the picture and the tables, and name them."""
    drawn: list[Path] = []
    if done.roof:
        words = done.cell.address, _setting(done.cell)
        drawn = save_roofline(done.trace, done.roof, *words, folder)
    done = replace(done, files=(*done.files, *drawn, folder / "trace_table.json"))
    text = json.dumps(done.to_json(), indent=1)
    (folder / "trace_table.json").write_text(text, encoding="utf-8")
    return done


def _pinned(name: str) -> Mapping[str, Any]:
    """Return a profile's ceilings, if this machine is the one it describes."""
    from adabench.cli import hardware

    profile = hardware.read(name)
    differences, _ = hardware.held(profile, identity=True)
    hardware.refuse(
        name, differences, [], "or leave --profile out: the ceilings are then measured on the spot."
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
    found = roof(ceilings, trace.place, trace.dtype, trace.threads, whence)
    if found is None:
        return None, f"The ceilings lack copies or {trace.dtype} products of {trace.place}."
    return found, ""


def _fraction(over: Roof | None, work: Trace | Line, seconds: float) -> float | None:
    return over.fraction(work.flops, work.moved_bytes, seconds) if over else None


def _work(done: Traced) -> Iterator[str]:
    trace = done.trace
    if trace.flops is None and trace.moved_bytes is None:
        return
    counted = f"{rate(trace.flops, 'FLOPs')}, {quantity(trace.moved_bytes, 'bytes')} moved"
    if done.roof is None:
        yield f"{counted}; no ceilings: {done.roofless}"
        return
    floor = quantity(done.roof.floor_s(trace.flops, trace.moved_bytes), "s")
    share = _fraction(done.roof, trace, trace.plain_s)
    yield f"{counted}: at least {floor} here, {share or 0:.0%} of the untraced time"
    yield (
        f"ceilings {rate(done.roof.flop_per_s, 'FLOP/s')}, "
        f"{rate(done.roof.bandwidth_bytes_per_s, 'B/s')} ({done.roof.source})"
    )


def _columns(trace: Trace) -> str:
    name = "operator" if trace.instrument == "torch.profiler" else "function"
    return f"  {name:50} {'calls':>7} {'self':>10} {'FLOPs':>9} {'bytes':>10} {'of ceiling':>10}"


def _row(done: Traced, line: Line) -> str:
    seconds = line.seconds(done.trace.place)
    share = _fraction(done.roof, line, seconds)
    return (
        f"  {line.name[-50:]:50} {line.calls:7} {quantity(seconds, 's'):>10} "
        f"{quantity(line.flops):>9} {quantity(line.moved_bytes, 'bytes'):>10} "
        f"{'–' if share is None else f'{share:.0%}':>10}"
    )


def _setting(cell: Cell) -> str:
    return " ".join(f"{name}={value}" for name, value in {**cell.conditions, **cell.point}.items())
