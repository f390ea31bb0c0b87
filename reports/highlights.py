"""Picks the methods that a reader is shown by name: the ones that the question turns on, at most eight.

Of each task the best adaptive methods, the oracle, the best static method and the random control; best is the largest share of the oracle gap
closed whose interval excludes 0, then the better quality. Methods that are made for other conditions than the task's are left out.
"""

import math
from collections.abc import Sequence

from adabench.harness.analysis.findings import Findings, SummaryRow
from adabench.harness.contract.card import Metric, Role
from adabench.reports import shown_points

MOST = 8
"""Names in a figure; the static mixture is one of them."""
OTHERS: tuple[Role, ...] = ("oracle", "static", "control")


def by_role(findings: Findings, task: str) -> dict[Role, list[SummaryRow]]:
    """Return the default operating points of a task's methods by role, the best first."""
    quality = shown_points.primary(findings.task_cards[task], "quality")
    found: dict[Role, list[SummaryRow]] = {}
    if quality is None:
        return found
    alike = shown_points.settled_rows(findings, task, ())
    for name in shown_points.methods(findings, task):
        row = shown_points.default_row(findings, task, name)
        if row and quality.name in row.metrics and any(row is one for one in alike):
            found.setdefault(shown_points.card_of(findings, task, name).role, []).append(row)
    for role, rows in found.items():
        rows.sort(key=lambda row, role=role: _rank(findings, row, role, quality))  # type: ignore[misc]
    return found


def _rank(
    findings: Findings, row: SummaryRow, role: Role, quality: Metric
) -> tuple[tuple[float, ...], float]:
    place, share, _ = shown_points.gap_order(
        shown_points.gap_of(findings, row.task, row.method) if role == "adaptive" else None
    )
    return (place, share), merit(row, quality)


def merit(row: SummaryRow, quality: Metric) -> float:
    """Return what is less for the better quality; what is no number comes last."""
    value = row.metrics[quality.name].estimate
    if math.isnan(value):
        return math.inf
    return -value if quality.better == "higher" else value


def leading(findings: Findings, task: str, most_adaptive: int) -> list[SummaryRow]:
    """Return the rows that the question turns on, the best quality first."""
    quality = shown_points.primary(findings.task_cards[task], "quality")
    found = by_role(findings, task)
    if quality is None:
        return []
    rows = [*found.get("adaptive", [])[:most_adaptive]]
    rows += [found[role][0] for role in OTHERS if role in found]
    return sorted(rows, key=lambda row: merit(row, quality))


def names(findings: Findings, task: str, among: Sequence[str], most: int = MOST) -> list[str]:
    """Return the methods that a figure names, the most important first.

    `among` are those that the figure draws.
    """
    found = by_role(findings, task)
    first = [rows[0] for role in ("adaptive", *OTHERS) if (rows := found.get(role))]
    further = [*found.get("adaptive", [])[1:], *found.get("static", [])[1:]]
    wanted = list(dict.fromkeys(row.method for row in (*first, *further)))
    drawn = [name for name in wanted if name in among]
    return (drawn + [name for name in among if name not in drawn])[:most]
