"""`adabench trace`: one case of one method, taken apart and held against the machine's ceilings."""

import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Annotated

import typer

from adabench.cli.selection import AsJson, Fixed, Out, Scale

if TYPE_CHECKING:
    from adabench.harness.run.case_trace import CaseTrace
    from adabench.profilers.compute.torch_trace import Line, Trace

SHOWN = 20
"""Rows of the table for people; the files have all."""


def command(
    address: Annotated[str, typer.Argument(help="One method: ledger/mor.")],
    fixed: Fixed = None,
    scale: Scale = "embedded",
    seed: Annotated[int, typer.Option(min=0, help="Seed of task and method.")] = 0,
    case: Annotated[int, typer.Option(min=0, help="Which case, counted from 0.")] = 0,
    out: Out = None,
    hardware: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Take the ceilings from this hardware profile."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take one case of a method apart: operators, kernels and the machine's ceilings."""
    from adabench.harness.run.case_trace import TraceRequest, trace_case
    from adabench.reports.figures.roofline import write_trace_files

    request = TraceRequest(address, tuple(fixed or ()), scale, seed, case, out, hardware)
    with redirect_stdout(sys.stderr):  # stdout is data: what a method prints is talk
        trace = write_trace_files(trace_case(request))
    print(json.dumps(trace.to_json()) if as_json else page(trace))


def page(case: "CaseTrace") -> str:
    """Lay a trace out for a terminal."""
    from adabench.reports.number_format import quantity

    trace = case.trace
    ratio = trace.traced_s / trace.plain_s
    added = f"{ratio:.1f} times" if ratio > 1 else "what it adds is lost in this machine's noise"
    head = [
        f"{case.cell.address} {case.setting} seed {case.cell.seed}, case {case.case}",
        (
            f"untraced {quantity(trace.plain_s, 's')}, under {trace.instrument} "
            f"{quantity(trace.traced_s, 's')} ({added}): shares, not timings"
        ),
        *_work(case),
    ]
    rows = [_row(case, line) for line in trace.lines[:SHOWN]]
    left = len(trace.lines) - len(rows)
    kernels = [f"  {k.name[:60]:60} {k.calls:7} {quantity(k.device_s, 's'):>10}"
               for k in trace.kernels[:SHOWN]]  # fmt: skip
    return "\n".join(
        [
            *head, "", _columns(trace), *rows,
            *([f"  and {left} more in the table file"] if left else []),
            *(["", "kernels", *kernels] if kernels else []),
            "", f"Not seen: {trace.blind}", *(str(path) for path in case.files),
        ]
    )  # fmt: skip


def _work(case: "CaseTrace") -> Iterator[str]:
    from adabench.reports.figures.roofline import rate
    from adabench.reports.number_format import quantity

    trace = case.trace
    if trace.uncounted:
        yield f"FLOPs lack the work of {', '.join(trace.uncounted)}: torch has no formula for it"
    if trace.flops is None and trace.moved_bytes is None:
        return
    counted = f"{rate(trace.flops, 'FLOPs')}, {quantity(trace.moved_bytes, 'bytes')} moved"
    if case.roof is None:
        yield f"{counted}; no ceilings: {case.roofless}"
        return
    floor = quantity(case.roof.floor_s(trace.flops, trace.moved_bytes), "s")
    share = case.fraction(trace, trace.plain_s)
    part = "" if share is None else f", {share:.0%} of the untraced time"
    yield f"{counted}: at least {floor} here{part}"
    yield (
        f"ceilings {rate(case.roof.flop_per_s, 'FLOP/s')}, "
        f"{rate(case.roof.bandwidth_bytes_per_s, 'B/s')} ({case.roof.source})"
    )


def _columns(trace: "Trace") -> str:
    name = "operator" if trace.instrument == "torch.profiler" else "function"
    return f"  {name:50} {'calls':>7} {'self':>10} {'FLOPs':>9} {'bytes':>10} {'of ceiling':>10}"


def _row(case: "CaseTrace", line: "Line") -> str:
    from adabench.reports.number_format import quantity

    seconds = line.seconds(case.trace.place)
    share = case.fraction(line, seconds)
    return (
        f"  {line.name[-50:]:50} {line.calls:7} {quantity(seconds, 's'):>10} "
        f"{quantity(line.flops):>9} {quantity(line.moved_bytes, 'bytes'):>10} "
        f"{'–' if share is None else f'{share:.0%}':>10}"
    )
