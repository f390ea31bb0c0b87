"""The tables of a task's page: the best at each price, methods side by side, oracle gaps and realised speedups."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from adabench.harness.analysis.findings import Compared, Findings, GapRow, SpeedupRow, SummaryRow
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.registry import Entry
from adabench.harness.stats.intervals import pareto_front
from adabench.reports import shown_points
from adabench.reports.figures import pareto
from adabench.reports.figures.character_plot import Looks, plot_of
from adabench.reports.shown_points import card_of, primary, settled_rows
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


ROWS, COLUMNS = 16, 100
"""Of the picture."""
SAYS = (
    "No setting that was recorded is better by its means at no higher price; oracles are left out. Whether neighbours "
    "differ, their intervals say."
)


def best_at_each_price(task: str, run: Findings, address: Address) -> list[str]:
    """Return the table of a task's frontier, by rising price, and the picture; nothing where no price was recorded."""
    card = run.task_cards[task]
    quality, work = primary(card, "quality"), primary(card, "work")
    if quality is None or work is None or not pareto.has_plot(run, task):
        return []
    rows = [
        row
        for row in settled_rows(run, task, (card.budget,))
        if card_of(run, task, row.method).role != "oracle"
        and {quality.name, work.name} <= row.metrics.keys()
    ]
    best = [
        rows[i]
        for i in pareto_front(_turned(rows, work, "lower"), _turned(rows, quality, "higher"))
    ]
    heads = (f"`{work.name}`{_unit(work)}", f"`{quality.name}`{_unit(quality)}", "method", "at")
    lines = [_line(row, run, (work, quality), address) for row in best]
    picture = plot_of(run, task, Looks(COLUMNS, unicode=False), ROWS)
    return ["## The best at each price", SAYS, table(heads, lines), f"```text\n{picture}\n```"]


def _turned(rows: list[SummaryRow], metric: Metric, better: str) -> list[float]:
    """Return the values of a metric, turned so that the one direction is better."""
    way = 1.0 if metric.better == better else -1.0
    return [way * row.metrics[metric.name].estimate for row in rows]


def _unit(metric: Metric) -> str:
    return "" if metric.unit in ("", "1", "s", metric.name) else f" ({metric.unit})"


def _line(row: SummaryRow, run: Findings, metrics: tuple[Metric, ...], address: Address) -> str:
    found = [row.metrics[metric.name] for metric in metrics]
    cells = [number(one.estimate, one.low, one.high) for one in found]
    task = run.task_cards[row.task]
    apart = {
        **_apart(row.point, card_of(run, row.task, row.method)),
        **_apart(row.conditions, task),
    }
    where = ", ".join(f"`{name}` {value(at)}" for name, at in apart.items()) or "its defaults"
    return f"| {' | '.join(cells)} | `{address(row.task, row.method)}` | {where} |"


def _apart(chosen: Mapping[str, object], card: Card) -> dict[str, object]:
    """Return what stands at another value than its default."""
    return {name: at for name, at in chosen.items() if at != card.defaults.get(name)}
