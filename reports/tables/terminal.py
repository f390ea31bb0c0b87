"""Draws tables for the terminal and as Markdown.

With enough room intervals stand beside their means, with less below them, and with too little whole columns go, the least important first;
the caption then names them. When the output is piped there are no colours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adabench.harness.analysis.findings import Findings
from adabench.profilers.energy.carbon import Factor
from adabench.reports import shown_points
from adabench.reports.tables.carbon import carbon_sheet
from adabench.reports.tables.ceiling_fractions import fractions_sheet
from adabench.reports.tables.cells import Cell, Column, Sheet
from adabench.reports.tables.claim_sheets import claims_sheets
from adabench.reports.tables.sheets import gap_sheet, speedup_sheet, summary_sheet

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, Group, RenderResult
    from rich.table import Table
    from rich.text import Text

STYLES = {
    "": "",
    "good": "bold green",
    "fair": "bold yellow",
    "bad": "bold red",
    "open": "bold cyan",
    "mute": "bright_black",
    "strong": "bold",
}
GAP = 2
WRAPPED = 22
"""Characters that a column of running text is content with."""


@dataclass(frozen=True)
class FittedTable:
    """A sheet that rich can print: it chooses its columns when it learns its width."""

    sheet: Sheet

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        """Yield the table for the width at hand, and an empty line after it."""
        yield fit(self.sheet, options.max_width)
        yield ""


def overview(findings: Findings) -> list["Group | FittedTable"]:
    """Return all tables of a run, in the order in which they are read."""
    parts: list[Group | FittedTable] = [summary_table(findings)]
    parts += [FittedTable(sheet) for sheet in _shared_sheets(findings)]
    if findings.claims:
        parts += claims_tables(findings)
    fractions = fractions_sheet(findings)
    if fractions.rows:
        parts.append(FittedTable(fractions))
    return parts


def carbon_tables(findings: Findings, factor: Factor) -> list[FittedTable]:
    """Return the carbon of every task that has an energy."""
    sheets = [carbon_sheet(findings, task, factor) for task in shown_points.tasks(findings)]
    return [FittedTable(sheet) for sheet in sheets if sheet.rows]


def summary_table(findings: Findings) -> "Group":
    """Return one table per task: its methods at their default operating point."""
    from rich.console import Group

    return Group(
        *(FittedTable(summary_sheet(findings, task)) for task in shown_points.tasks(findings))
    )


def claims_tables(findings: Findings) -> list[FittedTable]:
    """Return the verdicts on what papers claim, and on our own criteria."""
    return [FittedTable(sheet) for sheet in claims_sheets(findings, full=False)]


def _shared_sheets(findings: Findings) -> list[Sheet]:
    """Return the sheets of gaps and speedups that have rows."""
    sheets = (gap_sheet(findings), speedup_sheet(findings))
    return [sheet for sheet in sheets if sheet.rows]


def fit(sheet: Sheet, width: int) -> "Table":
    """Return a rich table of at most `width` characters, if the first columns allow it."""
    if _needed(sheet, _beside) <= width:
        return _draw(sheet, stacked=False)
    left_out = []
    while _needed(sheet, _below) > width and any(column.rank for column in sheet.columns):
        worst = max(range(len(sheet.columns)), key=lambda i: (sheet.columns[i].rank, i))
        left_out.append(sheet.columns[worst].name)
        sheet = _without(sheet, worst)
    if left_out:
        note = f"No room for {', '.join(reversed(left_out))}; see the report."
        sheet = replace(sheet, caption=f"{sheet.caption} {note}".strip())
    return _draw(sheet, stacked=True)


def _without(sheet: Sheet, place: int) -> Sheet:
    rows = tuple(row[:place] + row[place + 1 :] for row in sheet.rows)
    return replace(sheet, columns=sheet.columns[:place] + sheet.columns[place + 1 :], rows=rows)


def _beside(cell: Cell) -> int:
    return len(cell.line)


def _below(cell: Cell) -> int:
    return max(len(cell.text), len(_brief(cell)))


def _brief(cell: Cell) -> str:
    return cell.minor if cell.brief is None else cell.brief


def _needed(sheet: Sheet, length: Callable[[Cell], int]) -> int:
    """Return the characters that all columns need next to each other."""
    widths = [
        min(
            max([len(column.name), len(column.minor), *(length(cell) for cell in cells)]),
            WRAPPED if column.wraps else 10**6,
        )
        for column, cells in _columns(sheet)
    ]
    return sum(widths) + GAP * (len(widths) - 1)


def _columns(sheet: Sheet) -> list[tuple[Column, list[Cell]]]:
    return [(column, [row[i] for row in sheet.rows]) for i, column in enumerate(sheet.columns)]


def _draw(sheet: Sheet, stacked: bool) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(sheet.title, "bold"),
        title_justify="left",
        caption=Text(sheet.caption, "dim"),
        caption_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
    )
    for column in sheet.columns:
        heading = _text(Cell(column.name, column.minor, "strong"), stacked=True)
        table.add_column(
            heading,
            justify="right" if column.right else "left",
            no_wrap=not column.wraps,
            overflow="fold" if column.wraps else "ellipsis",
            min_width=WRAPPED if column.wraps else None,
        )
    for row in sheet.rows:
        below = (stacked or column.wraps for column in sheet.columns)
        table.add_row(*map(_text, row, below))
    return table


def _text(cell: Cell, stacked: bool) -> "Text":
    from rich.text import Text

    text = Text(cell.text, STYLES[cell.tone])
    lesser = f"\n{_brief(cell)}" if stacked else cell.line.removeprefix(cell.text)
    return text.append(lesser.rstrip(), "not bold bright_black")


def summary_markdown(findings: Findings) -> str:
    """Return the tables of summaries, oracle gaps and realised speedups as Markdown."""
    sheets = [summary_sheet(findings, task) for task in shown_points.tasks(findings)]
    return "\n".join(markdown(sheet) for sheet in [*sheets, *_shared_sheets(findings)])


def claims_markdown(findings: Findings) -> str:
    """Return the verdicts as Markdown tables: published claims, then our own criteria."""
    return "\n".join(map(markdown, claims_sheets(findings)))


def markdown(sheet: Sheet) -> str:
    """Return a sheet as a heading, a table and a line of caption."""
    rule = ["---:" if column.right else "---" for column in sheet.columns]
    heads = [
        Cell(column.name, f"({column.minor})" if column.minor else "") for column in sheet.columns
    ]
    lines = [_line(heads), f"| {' | '.join(rule)} |", *(_line(row) for row in sheet.rows)]
    return "\n".join([f"### {_plain(sheet.title)}", "", *lines, "", _plain(sheet.caption), ""])


def _line(cells: Sequence[Cell]) -> str:
    texts = (_plain(cell.line) for cell in cells)
    return f"| {' | '.join(texts)} |"


def _plain(text: str) -> str:
    """Return text that Markdown takes as text."""
    escaped = text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return " ".join(escaped.replace("*", "\\*").replace("_", "\\_").split())
