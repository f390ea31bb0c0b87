"""`adabench report RUN...`: a page over one run or several, or their Pareto frontiers drawn here."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adabench.cli.selection import Out
from adabench.cli.terminal import looks, table_console

if TYPE_CHECKING:
    from adabench.harness.analysis.findings import Findings


def command(
    folders: Annotated[list[Path], typer.Argument(help="Run folders; several share one page.")],
    out: Out = None,
    figures: Annotated[
        Path | None, typer.Option(help="Also write figures and tables for a paper there.")
    ] = None,
    terminal: Annotated[
        bool,
        typer.Option(
            "--terminal", help="Draw frontiers and tables here; write a page only with --out."
        ),
    ] = False,
    brief: Annotated[
        bool,
        typer.Option(
            "--brief", help="Print the lines that a run ends with; write a page only with --out."
        ),
    ] = False,
) -> None:
    """Write the self-contained HTML report of a run, or of several."""
    from adabench.harness.analysis.load_run import load_run
    from adabench.reports.report.write import report_runs, write_figures

    for folder in folders if terminal or brief else ():
        findings = load_run(folder)
        if brief:
            print(_ending(findings))
        if terminal:
            print(draw_fronts(findings), end="")
            _print_tables(findings)
    if out or not (terminal or brief):
        print(report_runs(folders, out))
    if figures:
        for folder in folders:
            place = figures if len(folders) == 1 else figures / folder.name
            for path in write_figures(load_run(folder), place):
                print(path)


def draw_fronts(findings: "Findings") -> str:
    """Return the Pareto frontiers of a run as wide as the terminal, in colour if there is one."""
    from adabench.reports.figures import character_plot as terminal

    return terminal.fronts(findings, looks())


def _ending(findings: "Findings") -> str:
    from adabench.reports.report.ending import ending

    return ending(findings, looks())


def _print_tables(findings: "Findings") -> None:
    from adabench.reports.tables import terminal

    console = table_console()
    for table in terminal.overview(findings):
        console.print(table)
