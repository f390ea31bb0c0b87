"""Gives what the page draws as JSON, read by `page/*.js`: columns of recorded means and intervals, and which rows make up which curve.

It holds nothing that `Findings` does not, each number under its place in `run --json`. Axes, logarithms and isolated methods are the reader's
choice. Numbers that JSON cannot hold are the words `NaN`, `Infinity` and `-Infinity`; a missing one is null.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from adabench.harness.analysis.findings import Estimate, Findings, SummaryRow
from adabench.harness.contract.card import Metric, Role, Scalar
from adabench.harness.contract.record import short
from adabench.reports import highlights, shown_points
from adabench.reports.figures import curves
from adabench.reports.figures.style import strokes
from adabench.reports.report.drill_down import PointDetails

ROLE_ORDER = ("quality", "work", "cost", "info")
FIRST: dict[Role, int] = {"adaptive": 0, "static": 1, "control": 3}
FURTHER = (2, 4, 5)
"""Colours of the page's style: of the best of each role, and of further adaptive methods that are named."""


def document(
    findings: Findings, insides: Mapping[int, PointDetails] | None = None
) -> dict[str, Any]:
    """Return everything the page needs to draw a run."""
    tasks = shown_points.tasks(findings)
    return {
        "run": findings.run,
        "tasks": [_task(findings, task, insides or {}) for task in tasks],
    }


def encode(data: object) -> str:
    """Return JSON that may stand inside a `<script>` element, whatever strings it holds."""
    text = json.dumps(_plain(data), separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _plain(data: Any) -> Any:
    """Replace numbers that JSON cannot hold, and write whole ones as integers."""
    if isinstance(data, bool) or data is None or isinstance(data, str | int):
        return data
    if isinstance(data, float):
        if math.isnan(data):
            return "NaN"
        return short(data) if math.isfinite(data) else "Infinity" if data > 0 else "-Infinity"
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    return [_plain(value) for value in data]


def _task(findings: Findings, task: str, insides: Mapping[int, PointDetails]) -> dict[str, Any]:
    card = findings.task_cards[task]
    rows = [(at, row) for at, row in enumerate(findings.summary) if row.task == task]
    methods = shown_points.methods(findings, task)
    metrics = _metrics(findings, task, [row for _, row in rows])
    quality, work = shown_points.primary(card, "quality"), shown_points.primary(card, "work")
    names = [metric.name for metric in metrics]
    named = highlights.names(findings, task, methods, highlights.MOST - 1)
    return {
        "name": task,
        "title": card.title,
        "budget": card.budget,
        "metrics": [_metric(findings, metric) for metric in metrics],
        "quality": names.index(quality.name) if quality and quality.name in names else -1,
        "work": names.index(work.name) if work and work.name in names else -1,
        "methods": [_method(findings, task, name, named) for name in methods],
        "named": [methods.index(name) for name in named],
        "conditions": _conditions(findings, task),
        "rows": [[at, methods.index(row.method), row.point, row.conditions] for at, row in rows],
        "values": [_columns([row.metrics.get(name) for _, row in rows]) for name in names],
        "curves": _curves(findings, task, [row for _, row in rows]),
        "inside": _insides([insides.get(at) for at, _ in rows]),
    }


def _metrics(findings: Findings, task: str, rows: Sequence[SummaryRow]) -> list[Metric]:
    """Return the recorded metrics: the card's by role, then those of the instruments."""
    present = {name for row in rows for name in row.metrics}
    known = [metric for metric in findings.task_cards[task].metrics if metric.name in present]
    known.sort(key=lambda metric: ROLE_ORDER.index(metric.role))
    rest = sorted(present - {metric.name for metric in known})
    return known + [shown_points.metric_named(findings.task_cards[task], name) for name in rest]


def _metric(findings: Findings, metric: Metric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "unit": metric.unit,
        "better": metric.better,
        "role": metric.role,
        "label": shown_points.energy_label(findings, metric.name),
    }


def _method(findings: Findings, task: str, name: str, named: Sequence[str]) -> dict[str, Any]:
    card = shown_points.card_of(findings, task, name)
    return {
        "name": name,
        "role": card.role,
        "fidelity": card.fidelity,
        "hue": _hues(findings, task, named).get(name, -1),
        "mark": list(strokes(findings, task)).index(name),
    }


def _hues(findings: Findings, task: str, named: Sequence[str]) -> dict[str, int]:
    """Return the colours: the best adaptive, static and random method have one each for good."""
    found: dict[str, int] = {}
    further = iter(FURTHER)
    for name in named:
        role = shown_points.card_of(findings, task, name).role
        first = FIRST.get(role)
        if first is not None and first not in found.values():
            found[name] = first
        elif role == "adaptive":
            found[name] = next(further, -1)
    return found


def _conditions(findings: Findings, task: str) -> list[dict[str, Any]]:
    """Return the conditions that were varied, each with the value the plot holds it at."""
    card = findings.task_cards[task]
    rows = [row for row in findings.summary if row.task == task]
    fixed = shown_points.settled_rows(findings, task, (card.budget,))
    found = []
    for name in shown_points.names_in_order(card, (row.conditions for row in rows)):
        knob = card.knob(name)
        present = {row.conditions[name] for row in rows if name in row.conditions}
        values = shown_points.in_order(present, knob.values if knob else ())
        at = fixed[0].conditions.get(name) if fixed else None
        found.append({"name": name, "values": values, "at": at, "free": name == card.budget})
    return found


def _columns(estimates: Sequence[Estimate | None]) -> list[list[float | int | None]]:
    """Return mean, low, high and n as columns; a constant's interval is left out."""
    return [
        [e.estimate if e else None for e in estimates],
        [e.low if e else None for e in estimates],
        [e.high if e else None for e in estimates],
        [e.n if e else None for e in estimates],
    ]


def _curves(findings: Findings, task: str, rows: Sequence[SummaryRow]) -> list[dict[str, Any]]:
    """Return, for each swept condition or knob, which rows make up each method's line."""
    places = {id(row): at for at, row in enumerate(rows)}
    methods = shown_points.methods(findings, task)
    found = []
    for over in curves.swept_conditions(findings, task):
        shown = curves.layout(findings, task, over)
        lines: dict[str, list[tuple[Scalar, int]]] = {}
        for row in curves.rows_over(findings, task, over, shown.metric.name):
            value = curves.value_of(row, over)
            lines.setdefault(row.method, []).append((value, places[id(row)]))
        drawn = [
            [methods.index(name), [at for _, at in sorted(line, key=_order(shown.values))]]
            for name, line in lines.items()
        ]
        found.append(
            {
                "over": over,
                "values": shown.values,
                "ordered": shown.has_order,
                "even": shown.is_even,
                "metric": shown.metric.name,
                "oracle": methods.index(shown.relative_to) if shown.relative_to else -1,
                "held": shown.held,
                "lines": drawn,
            }
        )
    return found


def _order(values: Sequence[Scalar]) -> Any:
    place = {value: at for at, value in enumerate(values)}
    return lambda pair: place.get(pair[0], -1)


def _insides(found: Sequence[PointDetails | None]) -> list[Any]:
    return [
        [one.cases, one.quantiles, [[name, n, means] for name, (n, means) in one.groups.items()]]
        if one
        else None
        for one in found
    ]
