"""What became of the claims of a paper: said, bar, measured, verdict, failures first."""

from collections.abc import Mapping, Sequence

from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.contract.card import Card
from adabench.reports.tables.cells import Cell, Column, Sheet
from adabench.reports.tables.claim_sheets import (
    FAILURES_FIRST,
    bar_cell,
    measured_cell,
    published_caption,
    verdict_cell,
)
from adabench.reports.tables.terminal import FittedTable

COLUMNS = (
    Column("claim", "method", right=False),
    Column("paper said", right=False, wraps=True),
    Column("bar"),
    Column("measured", "95 % interval"),
    Column("verdict", "reason", right=False, wraps=True),
)


def reproduction_table(rows: Sequence[ClaimRow], cards: Mapping[str, Card]) -> FittedTable:
    """Return the table of a paper; `cards` are those of its methods by address."""
    ordered = sorted(
        rows, key=lambda row: (row.source != "headline", FAILURES_FIRST.index(row.verdict))
    )
    lines = tuple(_line(row, cards[f"{row.task}/{row.method}"]) for row in ordered)
    return FittedTable(Sheet("", COLUMNS, lines, published_caption(rows)))


def _line(row: ClaimRow, card: Card) -> tuple[Cell, ...]:
    said = Cell(row.paper or row.says)
    head = Cell(row.id, f"{row.task}/{row.method}", "strong")
    return (head, said, bar_cell(row, card), measured_cell(row), verdict_cell(row))
