"""Says what a run ends with: a few lines a task, one frontier, and where the rest is.

Of each task the oracle, the two best adaptive methods, the best static method and the random control stand beside each other at their default
operating points, the best first. A bar is as long as the quality, from zero.
"""

import textwrap
from collections import Counter
from collections.abc import Sequence

from adabench.harness.analysis.findings import Findings, SummaryRow
from adabench.harness.contract.card import Metric
from adabench.reports import highlights, shown_points
from adabench.reports.figures import character_plot, pareto
from adabench.reports.number_format import quantity
from adabench.reports.report import task_answer
from adabench.reports.report.endpoint_lines import endpoint_lines
from adabench.reports.tables.cells import text_of

NAME, VALUE, BAR, COST = 25, 7, 12, 11
"""Columns of a line; its note has what is left of them."""
MOST_ADAPTIVE = 2
PLOT_ROWS = 10
LEAD = {"static": "best static: ", "control": "random: ", "oracle": "oracle: ", "adaptive": ""}


def ending(findings: Findings, looks: character_plot.Looks) -> str:
    """Return the lines that a run ends with; they are as wide as `looks` says."""
    parts = [_task(findings, task, looks) for task in shown_points.tasks(findings)]
    plots = [name for name in shown_points.tasks(findings) if pareto.has_plot(findings, name)]
    if plots:
        narrow = character_plot.Looks(
            min(looks.width, character_plot.SIDE - 1), looks.colour, looks.unicode
        )
        parts.append(
            [character_plot.plot_of(findings, _largest(findings, plots), narrow, PLOT_ROWS)]
        )
    parts += [_wrap(line, looks) for line in _trust(findings)]
    return "\n".join("\n".join(lines) for lines in parts if lines)


def _wrap(line: str, looks: character_plot.Looks) -> list[str]:
    """Break a line of words where the terminal ends; a path stays whole."""
    return textwrap.wrap(line, looks.width, break_long_words=False, break_on_hyphens=False)


def _largest(findings: Findings, tasks: Sequence[str]) -> str:
    """Return the task with the most operating points; of equals the first."""
    points = Counter(row.task for row in findings.summary)
    return max(tasks, key=lambda task: points[task])


def _task(findings: Findings, task: str, looks: character_plot.Looks) -> list[str]:
    card = findings.task_cards[task]
    quality, work = shown_points.primary(card, "quality"), shown_points.primary(card, "work")
    rows = highlights.leading(findings, task, MOST_ADAPTIVE)
    if not rows or quality is None:
        return [f"{task}: no quality was recorded."]
    heads = [_head(quality, looks), *([_head(work, looks)] if work else [])]
    title = f"{task}   {card.title}"[: looks.width - len("   ".join(heads)) - 3]
    values = [row.metrics[quality.name].estimate for row in rows]
    most = max(values) if min(values) >= 0 else 0.0
    lines = [f"{title:<{looks.width - len('   '.join(heads))}}{'   '.join(heads)}"]
    for row, value in zip(rows, values, strict=True):
        bar = _bar(value, most, looks)
        cost = _value(row, work)
        text = (
            f"  {_label(findings, row):<{NAME}.{NAME}} {text_of(value, quality.unit):>{VALUE}} "
            f"{bar:<{BAR}} {cost:>{COST}} {task_answer.note(findings, row)}"
        )
        lines.append(text.rstrip()[: looks.width])
    return [*lines, *endpoint_lines(findings, task)]


def _head(metric: Metric, looks: character_plot.Looks) -> str:
    up, down = ("↑", "↓") if looks.unicode else ("(high)", "(low)")
    return f"{metric.name} {up if metric.better == 'higher' else down}"


def _bar(value: float, most: float, looks: character_plot.Looks) -> str:
    """Return a bar from zero; none where some value lies below it."""
    length = round(BAR * value / most) if most > 0 else 0
    return ("━" if looks.unicode else "=") * length


def _label(findings: Findings, row: SummaryRow) -> str:
    return f"{LEAD[shown_points.card_of(findings, row.task, row.method).role]}{row.method}"


def _value(row: SummaryRow, metric: Metric | None) -> str:
    if metric is None or metric.name not in row.metrics:
        return ""
    unit = metric.unit if metric.unit in ("s", "J", "B") else "count"
    return quantity(row.metrics[metric.name].estimate, unit, digits=3)


def _trust(findings: Findings) -> list[str]:
    """Return what can be trusted of times and energy, what became of claims, and what comes next."""
    timed = sum("latency_s" in row.metrics for row in findings.summary)
    every = len(findings.summary)
    times = f"valid for {timed} of {every} configurations" if timed < every else "valid"
    if task_answer.counts_only(findings):
        times = "not asked for (--counts)"
    elif task_answer.under_load(findings):
        times = "under load"
    counters = sorted(
        {label for label in findings.labels.values() if label in ("counter", "measured")}
    )
    energy = ", ".join(counters) if counters else "no counter here"
    return [
        f"Time: {times}. Energy: {energy}.   adabench doctor",
        task_answer.claims_line(findings),
        f"Details: adabench claims {findings.run}",
        f"         adabench report {findings.run} --terminal",
    ]
