"""`adabench claims`: the verdicts on the published claims of a run's methods."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from adabench.cli.selection import AsJson, Folder
from adabench.cli.terminal import table_console, talk, verdict_output, warn

if TYPE_CHECKING:
    from adabench.harness.analysis.findings import Findings

FAILED = {"not reproduced", "direction only", "contradicted", "does not discriminate", "violated"}


def command(
    folder: Folder,
    strict: Annotated[bool, typer.Option(help="Exit 1 when a claim is not reproduced.")] = False,
    as_json: AsJson = False,
) -> None:
    """Judge the claims of the methods in a run: what papers say, and our own criteria."""
    from adabench.harness.analysis.load_run import load_run

    findings = load_run(folder)
    with verdict_output():
        show_claims(findings, as_json)
    words = {row.verdict for row in findings.claims}
    if strict and "undecided" in words:
        talk("Some claims are undecided; the reasons say what would tell.")
    raise typer.Exit(1 if strict and words & FAILED else 0)


def show_claims(findings: "Findings", as_json: bool) -> None:
    """Print the verdicts, and on stderr what makes them less than they look."""
    for warning in findings.manifest["warnings"]:
        warn(warning)
    if as_json:
        print(json.dumps([asdict(row) for row in findings.claims]))
        return
    from adabench.reports.tables import terminal

    console = table_console(piped_columns=None)
    for table in terminal.claims_tables(findings):
        console.print(table)
