"""The table in which methods stand side by side by what the task's card names (`comparison=`)."""

from collections.abc import Sequence

from adabench.harness.analysis.findings import SummaryRow
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.registry import Entry
from adabench.reports import shown_points
from docs.markdown_table import number, table

INTRO = "Means at the defaults; their intervals stand in the report of a run."


def comparison(card: Card, rows: Sequence[tuple[Entry, SummaryRow]]) -> list[str]:
    """Return the section with the table; nothing where the card names no metrics or nothing was run."""
    metrics = [shown_points.metric_named(card, name) for name in card.comparison]
    lines = [
        f"| `{entry.address}` | {' | '.join(_mean(row, metric) for metric in metrics)} |"
        for entry, row in rows
    ]
    if not metrics or not lines:
        return []
    heads = [f"`{metric.name}`, {metric.better} is better" for metric in metrics]
    return ["## Side by side", INTRO, table(("method", *heads), lines)]


def _mean(row: SummaryRow, metric: Metric) -> str:
    found = row.metrics.get(metric.name)
    unit = metric.unit if metric.unit in ("s", "B") else ""
    return number(found.estimate, None, None, unit) if found else "–"
