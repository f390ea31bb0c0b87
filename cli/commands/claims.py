"""`adabench claims`: the verdicts on the published claims of a run's methods.

exit 0   without --strict; with it, nothing failed and no headline claim is undecided
     1   with --strict: a claim failed (not reproduced, direction only, contradicted, does not
         discriminate, violated)
     5   with --strict: nothing failed, but a headline claim is undecided; --allow-undecided
         makes it 0
"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from adabench.cli.selection import AsJson, Folder
from adabench.cli.terminal import table_console, talk, terminal_columns, verdict_output, warn

if TYPE_CHECKING:
    from adabench.harness.analysis.findings import Findings

FAILED, UNDECIDED = 1, 5
"""Exit codes of --strict."""


def command(
    folder: Folder,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every claim in a table, whatever came of it.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Exit 1 when a claim failed, 5 when a headline is undecided."
        ),
    ] = False,
    undecided: Annotated[
        bool,
        typer.Option(
            "--allow-undecided", help="With --strict: an undecided headline is no failure."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Judge the claims of the methods in a run: what papers say, and our own criteria."""
    from adabench.harness.analysis.load_run import load_run

    findings = load_run(folder)
    with verdict_output():
        show_claims(findings, as_json, everything=everything)
    raise typer.Exit(strict_code(findings, allow_undecided=undecided) if strict else 0)


def strict_code(findings: "Findings", *, allow_undecided: bool) -> int:
    """Return what --strict makes of the verdicts, and say on stderr which headlines are undecided."""
    from adabench.reports.tables.claim_digest import FAILED as FAILURES

    undecided = [
        row.id for row in findings.claims if (row.source, row.verdict) == ("headline", "undecided")
    ]
    if undecided:
        talk(f"Undecided headline claims: {', '.join(undecided)}; the reasons say what would tell.")
    if any(row.verdict in FAILURES for row in findings.claims):
        return FAILED
    return UNDECIDED if undecided and not allow_undecided else 0


def show_claims(findings: "Findings", as_json: bool, *, everything: bool) -> None:
    """Print the verdicts, and on stderr what makes them less than they look."""
    for warning in findings.manifest["warnings"]:
        warn(warning)
    if as_json:
        print(json.dumps([asdict(row) for row in findings.claims]))
        return
    if not everything:
        print_digest(findings)
        return
    from adabench.reports.tables import terminal

    console = table_console(piped_columns=None)
    for table in terminal.claims_tables(findings):
        console.print(table)


def print_digest(findings: "Findings") -> None:
    """Print what failed, what is undecided and how many are left."""
    from adabench.reports.tables.claim_digest import claim_digest

    print("\n".join(claim_digest(findings, terminal_columns())) or "No claims.")
    print(f"Every claim: adabench claims {findings.run} --all")
