"""`adabench compare`: runs compared with the first of them.

    exit 0   everything was compared and nothing is worse
         1   something is worse than its margin allows
         2   a margin or metric that makes no sense, or a file that is no log
         3   not comparable: unlike hardware, no operating point in common, or all of it invalid
         5   with --strict: nothing is worse, but something is ambiguous

A side is a run folder, a file that lm-eval wrote with --log_samples, or a .eval file of Inspect. With --strict a single `invalid` verdict is 3, too. `adabench gate` is the stricter sister: it takes
more rounds until what is ambiguous is decided.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adabench.cli.selection import AsJson
from adabench.cli.terminal import table_console, verdict_output, warn, wrap

if TYPE_CHECKING:
    from adabench.harness.compare.compare import Comparison


def command(
    base: Annotated[Path, typer.Argument(help="The run or log that the others are compared with.")],
    others: Annotated[
        list[Path], typer.Argument(help="One or more other runs, or logs of lm-eval or Inspect.")
    ],
    margin: Annotated[
        list[str] | None,
        typer.Option(help="What counts as no change: latency_s=3%, accuracy=1pt."),
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Judge this metric only.")] = None,
    across: Annotated[
        bool,
        typer.Option(
            "--across-hardware",
            help="Allow different hardware: compare qualities, counts and shares of ceilings.",
        ),
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show what is the same too.")] = False,
    strict: Annotated[
        bool, typer.Option(help="Exit 5 when something is ambiguous, 3 when it is invalid.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare runs with a base run: better, same, worse, ambiguous or invalid; exit 1 if worse."""
    from adabench.harness.compare.compare_runs import CompareRequest, compare_runs
    from adabench.harness.compare.comparison_document import document

    request = CompareRequest(
        base, tuple(others), tuple(margin or ()), tuple(metric or ()), across
    )  # fmt: skip
    comparisons = compare_runs(request, warn)
    code = exit_code(comparisons, strict=strict)
    with verdict_output():
        if as_json:
            print(json.dumps(document(comparisons, code)))
        else:
            show(comparisons, everything=everything)
    raise typer.Exit(code)


def exit_code(comparisons: Sequence["Comparison"], *, strict: bool = False) -> int:
    """Return what the verdicts come to; the docstring lists the codes."""
    from adabench.harness.compare.compare import counts

    number = counts(comparisons)
    if number["worse"]:
        return 1
    every = sum(number.values())
    if number["invalid"] == every or (strict and number["invalid"]):
        return 3
    return 5 if strict and number["ambiguous"] else 0


def show(comparisons: Sequence["Comparison"], *, everything: bool) -> None:
    """Print the tables; what is to be known of them beside goes to stderr."""
    from adabench.reports.tables import comparison as sheets
    from adabench.reports.tables.terminal import FittedTable

    console = table_console()
    for one in comparisons:
        if one.unlike:
            console.print(FittedTable(sheets.unlike_sheet(one)))
        sheet = sheets.verdict_sheet(one, everything=everything)
        if sheet.rows:
            console.print(FittedTable(sheet))
        else:
            print(wrap(f"{sheet.title}: {sheet.caption}") + "\n")
        others = () if everything else sheets.other_lines(one)
        notes = sheets.footnotes(one, everything=everything)
        for line in (*notes, *others, *sheets.lonely_lines(one)):
            print(wrap(line))
        for note in one.notes:
            warn(note)
