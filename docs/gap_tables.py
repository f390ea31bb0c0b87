"""The tables of a task's page that hold its oracle gaps and its realised speedups."""

from collections import Counter
from collections.abc import Callable

from adabench.harness.analysis.findings import Compared, Findings, GapRow, SpeedupRow
from adabench.reports import shown_points
from docs.markdown_table import cell, number, table, value

Address = Callable[[str, str], str]
"""From a task and a method, as a run names them, to their address of today."""


def gap_closed(task: str, run: Findings, address: Address) -> list[str]:
    """Return the table of the oracle gaps of a task."""
    rows = sorted((row for row in run.gaps if row.task == task), key=shown_points.gap_order)
    if not rows:
        return []
    head = "## Oracle gap closed"
    if all(row.gap_closed is None for row in rows):
        words = Counter(row.status for row in rows)
        said = ", ".join(f"{word} ({count})" for word, count in words.most_common())
        return [head, f"No method has a number, by how many methods and why: {said}."]
    scale = (
        "1 is the oracle, 0 the mixture of static settings of the same backbone, -1 the random "
        "router. Where a number would mean nothing a word stands in its place. Cost and quality "
        "are those of the default point beside the best static mixture."
    )
    heads = ("method", "gap closed", "cost at equal quality", "quality at equal cost", "between")
    return [head, scale, table(heads, [_gap_line(row, address) for row in rows])]


def _gap_line(row: GapRow, address: Address) -> str:
    word = f"**{row.status}**: {row.reason}"
    cells = (
        f"`{address(row.task, row.method)}`",
        word if row.gap_closed is None else number(row.gap_closed, row.low, row.high),
        _difference(row.cost_at_equal_quality),
        _difference(row.quality_at_equal_cost),
        " and ".join(filter(None, [row.mixture, row.oracle])) or "–",
    )
    return f"| {' | '.join(map(cell, cells))} |"


def _difference(found: Compared) -> str:
    """Return a percentage or points, with the interval."""
    if found.estimate is None:
        return found.reason or "–"
    ends = "" if found.low is None else f" [{found.low:+.3g}, {found.high:+.3g}]"
    return f"{found.estimate:+.3g} {found.unit}{ends}"


def speedup(task: str, run: Findings, address: Address) -> list[str]:
    """Say how much of the saved work became time, or in one sentence why that is not asked."""
    rows = [row for row in run.speedups if row.task == task]
    head = "## Realised speedup"
    reasons = {row.remark for row in rows}
    if rows and all(row.speedup is None for row in rows) and len(reasons) == 1:
        return [head, f"No number: {reasons.pop()}."]
    lines = [_speedup_line(row, address) for row in rows if row.speedup is not None]
    scale = "1 means that time falls as much as work does, 0 that no time is saved."
    heads = ("method", "metric", "work", "realised speedup", "note")
    return [head, scale, table(heads, lines)] if lines else []


def _speedup_line(row: SpeedupRow, address: Address) -> str:
    where = ", ".join(f"{name} {value(at)}" for name, at in row.conditions.items())
    note = "; ".join(part for part in (f"at {where}" if where else "", row.remark) if part)
    note = note or "at equal quality"
    found = number(row.speedup, row.low, row.high)
    who = f"`{address(row.task, row.method)}` | `{row.metric}` | `{row.work}`"
    return f"| {who} | {found} | {cell(note)} |"
