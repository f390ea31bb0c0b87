"""`adabench power`: what deciding a paper's claims takes, by a pilot: units, sizes, power, seconds."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adabench.cli.forecast_lines import duration
from adabench.cli.selection import AsJson, time_of
from adabench.cli.terminal import table_console, verdict_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adabench.harness.decision.decision import Decision
    from adabench.harness.decision.open_claim import OpenClaim

Name = Annotated[
    str,
    typer.Argument(
        metavar="PAPER",
        help="A slug (ets), an arXiv number (2502.13575), a title, TASK/METHOD, a task or a claim.",
    ),
]
PilotTime = Annotated[
    float, typer.Option("--time", parser=time_of, metavar="TIME", help="Time of the pilot.")
]


def command(paper: Name, time_s: PilotTime = 300.0, as_json: AsJson = False) -> None:
    """Plan what deciding a paper's claims takes, by a pilot: units, sizes, power, seconds."""
    from adabench.cli.decision_output import run_decision
    from adabench.cli.execution import interruptible
    from adabench.harness.analysis.reproduction import reproduction
    from adabench.harness.decision.decision import decidable
    from adabench.harness.decision.decision_question import PILOT

    found = reproduction(paper)
    claims, others = decidable(found.statements)
    with interruptible(" ".join(["adabench", *sys.argv[1:]])):
        pilot = run_decision(claims, PILOT, time_s, once=True)
    rows = [_row(pilot, claim) for claim in claims]
    rows += [{"id": name, "why": why} for name, why in others.items()]
    with verdict_output():
        if as_json:
            print(json.dumps({"name": found.name, "title": found.title, "claims": rows}))
            return
        _print(found.title, rows)


def _row(pilot: "Decision", claim: "OpenClaim") -> dict[str, Any]:
    row = claim.row
    if row is None:
        return {"id": claim.name, "why": claim.reason or "no time was left for its pilot"}
    each = max(claim.per_seed, 1.0)
    sized = bool(row.needed) or not row.over or row.low is None
    return {
        "id": claim.name,
        "says": claim.statement.claim.says,
        "unit": row.over or "certain",
        "pilot": claim.looks[-1] if row.over != "cases" else row.n,
        "power_of_pilot": row.power,
        "needed": row.needed,
        "planned": round(claim.planned * each) if sized else 0,
        "planned_seeds": claim.planned if sized else 0,
        "seconds": claim.planned * claim.seed_s if sized else None,
        "why": claim.reason or ("" if sized else _why_not(row.effect)),
    }


def _why_not(effect: float | None) -> str:
    return (
        "no number would do" if effect is not None else "any change is claimed, and none is named"
    )


def _print(title: str, rows: "Sequence[dict[str, Any]]") -> None:
    from rich.table import Table

    print(title)
    table = Table("claim", "unit", "pilot", "its power", "planned", "takes", "", box=None)
    for row in rows:
        if "unit" not in row:
            table.add_row(row["id"], "", "", "", "", "", row["why"])
            continue
        power = "" if row["power_of_pilot"] is None else f"{row['power_of_pilot']:.2f}"
        planned = f"{row['planned']:,}" if row["planned"] else "-"
        takes = duration(row["seconds"]) if row["seconds"] else "-"
        table.add_row(row["id"], row["unit"], str(row["pilot"]), power, planned, takes, row["why"])
    table_console().print(table)
