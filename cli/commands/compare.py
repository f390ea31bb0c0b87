"""`adabench compare`: runs held against the first of them.

    exit 0   everything was compared and nothing is worse
         1   something is worse than its margin allows
         2   a margin, metric or folder name that makes no sense
         3   not comparable: unlike hardware, no operating point in common, or all of it invalid
         5   with --strict: nothing is worse, but something is ambiguous

With --strict a single `invalid` verdict is 3, too. `adabench gate` is the stricter sister: it takes
more rounds until what is ambiguous is decided.
"""

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adabench.harness.compare import loaded_run, margins
from adabench.harness.compare.compare import ALPHA, Asked, Comparison, Row, compare, counts
from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.record import Cell
from adabench.harness.errors import EnvironmentProblem, SelectionError, StoreError
from adabench.harness.provenance import environment_diff

LEVEL = 0.95


@dataclass(frozen=True)
class Wanted:
    """What the command line asked for."""

    base: Path
    others: tuple[Path, ...]
    margins: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    across: bool = False


def compared(wanted: Wanted) -> list[Comparison]:
    """Read the runs and compare them.

    Raises:
        SelectionError: for a margin or metric that makes no sense.
        StoreError: for a folder that is no run, or runs without a common operating point.
        EnvironmentProblem: for unlike hardware that was not asked for.
    """
    asked = Asked(margins.parsed(wanted.margins), wanted.metrics)
    base, *others = (loaded_run.opened(folder) for folder in (wanted.base, *wanted.others))
    for other in others:
        _admit(base, other, across=wanted.across)
    tasks = {cell.task for side in (base, *others) for cell in side.table.cells}
    found = compare(base, others, {task: _card(task) for task in sorted(tasks)}, asked)
    for comparison in found:
        if not comparison.rows:
            raise StoreError(
                f"{comparison.base} and {comparison.other} have nothing in common that could be "
                "compared.",
                "They need the same task, method, knobs, conditions, scale and seeds.",
            )
    return found


def exit_code(found: Sequence[Comparison], *, strict: bool = False) -> int:
    """Return what the verdicts come to; the docstring lists the codes."""
    number = counts(found)
    if number["worse"]:
        return 1
    every = sum(number.values())
    if number["invalid"] == every or (strict and number["invalid"]):
        return 3
    return 5 if strict and number["ambiguous"] else 0


def document(found: Sequence[Comparison], code: int) -> dict[str, Any]:
    """Return plain JSON data."""
    return {
        "base": found[0].base,
        "level": LEVEL,
        "family_error": ALPHA,
        "counts": counts(found),
        "exit": code,
        "comparisons": [
            {
                "other": one.other,
                "across_hardware": one.across,
                "counts": counts([one]),
                "differences": [item.to_json() for item in one.unlike],
                "only_in_base": [cell.to_json() for cell in one.lonely.a],
                "only_in_other": [cell.to_json() for cell in one.lonely.b],
                "drift": {name: math.expm1(shift) for name, shift in one.drift.items()},
                "notes": list(one.notes),
                "rows": [_row(row) for row in one.rows],
            }
            for one in found
        ],
    }


def show(found: Sequence[Comparison], *, everything: bool) -> None:
    """Print the tables; what is to be known of them beside goes to stderr."""
    from rich.console import Console

    from adabench.reports.tables import comparison as sheets
    from adabench.reports.tables.terminal import Fitted

    console = Console(width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "100")))
    for one in found:
        if one.unlike:
            console.print(Fitted(sheets.unlike_sheet(one)))
        sheet = sheets.verdict_sheet(one, everything=everything)
        if sheet.rows:
            console.print(Fitted(sheet))
        else:
            print(f"{sheet.title}: {sheet.caption}\n")
        for line in (*sheets.footnotes(one, everything=everything), *sheets.lonely_lines(one)):
            print(line)
        for note in one.notes:
            print(f"warning: {note}", file=sys.stderr)


def _admit(base: loaded_run.Side, other: loaded_run.Side, *, across: bool) -> None:
    """Refuse runs of unlike hardware unless that was asked for."""
    forbidding = environment_diff.forbidding(
        environment_diff.differences(base.manifest, other.manifest)
    )
    if forbidding and not across:
        raise EnvironmentProblem(
            f"{other.name} is of other hardware than {base.name}: "
            f"{', '.join(map(str, forbidding))}.",
            "--across-hardware compares qualities, counts and fractions of measured ceilings.",
        )


def _card(task: str) -> Card:
    """Return a task's card; of one that is not installed here nothing but its name is known."""
    try:
        return registry.find(task).card
    except SelectionError:
        print(
            f"warning: task {task} is not installed here, so the direction of its own metrics is "
            "unknown: only times, joules and bytes of memory are compared.",
            file=sys.stderr,
        )
        return Card(task)


def _row(row: Row) -> dict[str, Any]:
    effect = None if row.change is None else {k: _plain(v) for k, v in asdict(row.change).items()}
    return {
        **_cell(row.cell),
        "metric": row.metric,
        "unit": row.unit,
        "kind": row.kind,
        "better": row.better,
        "margin": asdict(row.margin),
        "verdict": row.verdict,
        "effect": effect,
        "p": _plain(row.p),
        "label": row.label,
        "control": row.control,
        "note": row.note,
    }


def _cell(cell: Cell) -> dict[str, Any]:
    """Name an operating point: a cell without its seed."""
    return {name: value for name, value in cell.to_json().items() if name != "seed"}


def _plain(value: Any) -> Any:
    """Return what JSON can hold: a bound that is not there is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
