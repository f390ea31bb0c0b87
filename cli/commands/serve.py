"""`adabench serve`: a server under load, method by method: what a vote of eight leaves of its goodput."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adabench.cli.execution import announce, interruptible, new_folder, records_of, resumption
from adabench.cli.selection import (
    AsJson,
    Data,
    Fixed,
    Judge,
    Model,
    NoChat,
    Out,
    Select,
    time_of,
    with_sources,
)
from adabench.cli.terminal import talk
from adabench.harness.errors import SelectionError

if TYPE_CHECKING:
    from adabench.harness.run.run_request import RunRequest

METHODS = ("text/greedy", "text/majority", "text/best_of_n", "text/adaptive_consistency")
USERS = "1,2,4,8"

Users = Annotated[
    str, typer.Option(metavar="N,M", show_default=USERS, help="Closed loop: so many in flight.")
]
Arrivals = Annotated[
    str,
    typer.Option("--qps", metavar="R,S", show_default=False, help="Open loop: so many a second."),
]
Slo = Annotated[
    float | None,
    typer.Option(parser=time_of, metavar="TIME", help="An answer is in time within: 2s."),
]
SloTtft = Annotated[
    float | None,
    typer.Option(parser=time_of, metavar="TIME", help="And its first word within: 500ms."),
]
Questions = Annotated[int, typer.Option(min=2, help="Questions of each method under each load.")]
Seeds = Annotated[str, typer.Option(help="0, or 0..2.")]
OfRun = Annotated[Path | None, typer.Option("--run", help="Read a run again, and run nothing.")]
TimeLimit = Annotated[
    float | None,
    typer.Option(parser=time_of, metavar="TIME", help="Longest wait for an answer: 5m."),
]


def command(
    select: Select = None,
    model: Model = None,
    data: Data = None,
    users: Users = "",
    qps: Arrivals = "",
    slo: Slo = None,
    slo_ttft: SloTtft = None,
    questions: Questions = 64,
    seeds: Seeds = "0",
    judge: Judge = None,
    fixed: Fixed = None,
    time_limit: TimeLimit = None,
    run: OfRun = None,
    out: Out = None,
    as_json: AsJson = False,
    *,
    no_chat: NoChat = False,
) -> None:
    """Put a server under load by each method: throughput, percentiles of seconds, goodput."""
    from adabench.harness.analysis.serving import Objective, serving_points
    from adabench.harness.run.run_request import RunRequest
    from adabench.harness.store import run_folder
    from adabench.reports.tables.serving_lines import serving_lines

    pinned = with_sources(
        fixed, model=model, data=data, judge=judge, chat="off" if no_chat else None
    )
    if run is not None and (select or pinned or users or qps or out):
        raise SelectionError(
            "--run reads what was measured, and measures nothing.",
            "Beside it give --slo, --slo-ttft and --json alone.",
        )
    if run is None:
        words = (*pinned, f"problems={questions}")
        loads = _loads(users, qps)
        request = RunRequest(tuple(select or METHODS), words, loads, False, seeds, alone=True)
        run = _measured(request, out or new_folder("serve"), time_limit)
    objective = Objective(slo, slo_ttft)
    points = serving_points(run_folder.records(run), objective)
    if not points:
        raise SelectionError(
            f"No case in {run} was answered under load.",
            "adabench serve --model openai:URL#NAME, or adabench run with --concurrency or --qps.",
        )
    if as_json:
        rows = [asdict(one) | _named(asdict(one)) for one in points]
        print(json.dumps({"objective": asdict(objective), "points": rows, "run": str(run)}))
    else:
        print("\n".join([*serving_lines(points, objective), f"Records: {run}"]))
    raise typer.Exit(1 if any(one.failed for one in points) else 0)


def _named(row: dict[str, object]) -> dict[str, object]:
    """Return the percentiles of a row by their names."""
    return {
        name: dict(zip(("p50", "p90", "p99"), value, strict=True))
        for name, value in row.items()
        if isinstance(value, tuple)
    }


def _loads(users: str, qps: str) -> tuple[str, ...]:
    """Return what is swept.

    Raises:
        SelectionError: for a closed and an open loop at once, and for no load.
    """
    if users and qps:
        raise SelectionError(
            "--users holds so many questions in flight, --qps lets them come whatever is in flight.",
            "Give one of them; two runs can be read beside each other.",
        )
    name, values = ("qps", qps) if qps else ("concurrency", users or USERS)
    if any(value.strip() in ("0", "0.0") for value in values.split(",")):
        raise SelectionError("0 is no load.", "For example: --users 1,8, or --qps 0.5,2.")
    return (f"{name}={values}",)


def _measured(request: "RunRequest", folder: Path, time_limit: float | None) -> Path:
    """Run the methods under each load, and return the run's folder."""
    from adabench.harness.distributed.backends import FanOutOptions
    from adabench.harness.run.run_request import create_run, plan_turns, write_log
    from adabench.harness.run.settings import Limits

    turns = plan_turns(request)
    announce(turns, folder)
    opened = create_run(folder, turns, request, None, ("adabench", *sys.argv[1:]))
    limits = Limits(time_limit or Limits.timeout_s)
    with opened as journal, write_log(journal.folder), interruptible(resumption(opened.folder)):
        records = records_of(journal, limits, FanOutOptions(), energy=False, cached=True)
        for record in records or ():
            journal.append(record)
            if record.status not in ("ok", "skipped"):
                talk(f"{record.cell.address}: {record.note.splitlines()[0]}")
    return opened.folder
