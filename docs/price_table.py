"""What opens a task's page: the best that was recorded at each price, and where everybody stands."""

from collections.abc import Mapping

from adabench.harness.analysis.findings import Findings, SummaryRow
from adabench.harness.contract.card import Card, Metric
from adabench.harness.stats.intervals import pareto_front
from adabench.reports.figures import pareto
from adabench.reports.figures.character_plot import Looks, plot_of
from adabench.reports.shown_points import card_of, primary, settled_rows
from docs.gap_tables import Address
from docs.markdown_table import number, table, value

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
