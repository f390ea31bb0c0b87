"""Draws the table of the front page: a line a method, at most seven columns.

The methods that the question turns on stand first; the page folds the others away until they are asked for. Refuted claims and negative
shares stand in the same place and weight as the others.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from html import escape

from adabench.harness.analysis.findings import ClaimRow, Findings, GapRow
from adabench.harness.contract.card import Metric
from adabench.harness.store.energy_labels import is_energy
from adabench.reports import highlights, shown_points
from adabench.reports.figures import pareto
from adabench.reports.report.markup import cell_of, exact, interval, name, number
from adabench.reports.tables.cells import (
    Column,
    gap_cell,
    labelled_name,
    metric_cell,
    place,
    speedup_cell,
)
from adabench.reports.tables.claim_sheets import VERDICTS

MOST_METRICS = 2
"""Columns of realised speedup; the others are four, and one of claims."""
MOST_ADAPTIVE = 4
"""Adaptive methods of a task that are shown before the rest is asked for."""


def fronts(findings: Findings) -> dict[str, list[str] | None]:
    """Return, per task, the methods that nothing recorded beats in cost and quality."""
    found: dict[str, list[str] | None] = {}
    for task in shown_points.tasks(findings):
        known = pareto.has_plot(findings, task)
        shown = pareto.layout(findings, task) if known else None
        found[task] = pareto.on_front(findings, shown, task) if shown else None
    return found


def board(findings: Findings, prefix: str) -> str:
    """Return the table; `prefix` is that of the run's element ids."""
    best, left, metrics = fronts(findings), _leftmost(findings.gaps), _sped_up(findings)
    tasks = [task for task in shown_points.tasks(findings) if shown_points.methods(findings, task)]
    if not tasks:
        return ""
    several = len(tasks) > 1
    bodies = []
    for task in tasks:
        first, rest = _ordered(findings, task)
        lines = [_line(findings, task, n, best[task] or [], left, metrics, prefix) for n in first]
        lines += [
            _line(findings, task, n, best[task] or [], left, metrics, prefix, "rest") for n in rest
        ]
        head = _group(findings, task, 5 + len(metrics)) if several else ""
        bodies.append(f"<tbody>{head}{''.join(lines)}</tbody>")
    key = f"{prefix}board"
    return (
        f'<div class="board-head"><h2 id="{key}-title">Methods</h2><div class="controls">'
        f'<label hidden>Filter methods<input type="search" data-filters="{key}"></label></div></div>'
        '<p class="note">At the default operating point. Oracle gap closed, with its 95 % interval: 1 is '
        "the oracle, 0 the static mixture, -1 the random control."
        f"{' Realised speedup: the share of saved work that became time or joules.' * bool(metrics)}"
        " Signs of claims link to their reasons.</p>"
        f'<div class="scroll full board" tabindex="0" role="region" aria-labelledby="{key}-title">'
        f'<table id="{key}" aria-labelledby="{key}-title"><thead><tr>'
        f"{_heads(findings, '' if several else tasks[0], metrics)}</tr></thead>"
        f"{''.join(bodies)}</table></div>"
    )


def _heads(findings: Findings, task: str, metrics: Sequence[str]) -> str:
    quality, work = _axes(findings, task) if task else (None, None)
    into = "".join(
        f'<th scope="col" class="right">speedup<small>{escape(labelled_name(findings, one))}'
        "</small></th>"
        for one in metrics
    )
    return (
        '<th scope="col">method<small>role</small></th>'
        f'<th scope="col" class="right">quality{_under(quality)}</th>'
        f'<th scope="col" class="right">work{_under(work)}</th>'
        '<th scope="col" class="h">gap closed<small>of the oracle\'s</small></th>'
        f'{into}<th scope="col">claims</th>'
    )


def _under(metric: Metric | None) -> str:
    return f"<small>{escape(_named(metric))}</small>" if metric else ""


def _named(metric: Metric) -> str:
    return f"{metric.name} {'↑' if metric.better == 'higher' else '↓'}"[:60]


def _axes(findings: Findings, task: str) -> tuple[Metric | None, Metric | None]:
    card = findings.task_cards[task]
    return shown_points.primary(card, "quality"), shown_points.primary(card, "work")


def _group(findings: Findings, task: str, columns: int) -> str:
    said = [
        f"{word}: {escape(_named(metric))}"
        for word, metric in zip(("quality", "work"), _axes(findings, task), strict=True)
        if metric
    ]
    return (
        f'<tr class="group"><th scope="rowgroup" colspan="{columns}">{name(task)} '
        f"<small>{' · '.join(said)}</small></th></tr>"
    )


def _ordered(findings: Findings, task: str) -> tuple[list[str], list[str]]:
    """Return the methods that are shown, the best first, and the rest by the oracle gap closed."""
    names = shown_points.methods(findings, task)
    first = [row.method for row in highlights.leading(findings, task, MOST_ADAPTIVE)]
    rest = [name for name in names if name not in first]
    rows = {row.method: row for row in findings.gaps if row.task == task}
    rest.sort(key=lambda n: (*shown_points.gap_order(rows.get(n))[:2], n not in rows))
    return (first, rest) if first else (rest, [])


def _sped_up(findings: Findings) -> list[str]:
    """Return into what work was turned: time first, then joules; none that no method has."""
    names = sorted({row.metric for row in findings.speedups if row.speedup is not None})
    return sorted(names, key=is_energy)[:MOST_METRICS]


def _line(
    findings: Findings,
    task: str,
    method: str,
    best: Sequence[str],
    left: float,
    metrics: Sequence[str],
    prefix: str,
    kind: str = "",
) -> str:
    card = shown_points.card_of(findings, task, method)
    said = f"{card.role} · {card.fidelity}{' · on the frontier' if method in best else ''}"
    row = shown_points.gap_of(findings, task, method)
    values = "".join(_value(findings, task, method, metric) for metric in _axes(findings, task))
    speedups = "".join(_speedup(findings, task, method, metric) for metric in metrics)
    style = f' class="{kind}"' if kind else ""
    return (
        f'<tr{style}><th scope="row" class="strong">{name(method)}'
        f"<small>{escape(said)}</small></th>{values}"
        f"{_gap(findings, row, left)}{speedups}<td>{_chips(findings, task, method, prefix)}</td></tr>"
    )


def _value(findings: Findings, task: str, method: str, metric: Metric | None) -> str:
    row = shown_points.default_row(findings, task, method)
    if metric is None or row is None or metric.name not in row.metrics:
        return '<td class="right mute">–</td>'
    cell = metric_cell(findings, row, metric)
    if is_energy(metric.name, metric.unit):  # never without its label
        cell = replace(cell, minor=cell.brief or cell.minor, ends=None)
    elif metric.role == "work" or not cell.ends:  # a count has no scatter to be told
        cell = replace(cell, minor="", ends=None)
    return cell_of(Column(""), cell)


def _speedup(findings: Findings, task: str, method: str, metric: str) -> str:
    """Return the realised speedup of a method; where it has several, that under default conditions."""
    rows = [
        row
        for row in findings.speedups
        if (row.task, row.method, row.metric) == (task, method, metric) and row.speedup is not None
    ]
    if not rows:
        return '<td class="right mute">–</td>'
    cell = speedup_cell(findings, min(rows, key=lambda row: len(row.conditions)))
    ends = f"<small>{interval(cell)}</small>" if cell.minor else ""
    number_ = number(cell.value or 0.0, cell.text, cell.ref)
    return f'<td class="right {cell.tone}">{number_}{ends}</td>'


def _leftmost(rows: Sequence[GapRow]) -> float:
    return min([0.0, *(_finite(end, 0.0) for row in rows for end in (row.gap_closed, row.low))])


def _finite(value: float | None, otherwise: float) -> float:
    return otherwise if value is None or not math.isfinite(value) else value


def _gap(findings: Findings, row: GapRow | None, left: float) -> str:
    """Draw one gap on a track from `left` to 1: zero, interval, value; or say its word."""
    if row is None or row.gap_closed is None:
        why = f"<small>{name(row.reason, 90)}</small>" if row and row.reason else ""
        return f'<td class="h mute wrap">{escape(row.status) if row else "–"}{why}</td>'
    cell = gap_cell(findings, row)
    ends = interval(cell) if cell.minor else "no interval"
    return (
        f'<td class="h" data-sort="{exact(row.gap_closed)}"><div class="meter">'
        f'<span class="track" aria-hidden="true">{_bar(row, left)}</span>'
        f"{number(row.gap_closed, cell.text, cell.ref, 'b', '')}<small>{ends}</small></div></td>"
    )


def _bar(row: GapRow, left: float) -> str:
    """Return the marks on a track: zero, interval and value; of no number only the zero."""

    def at(value: float) -> float:
        return 100 * (min(max(value, left), 1.0) - left) / (1 - left)

    zero = f'<i class="zero" style="left:{at(0.0):.1f}%"></i>'
    closed = row.gap_closed
    if closed is None or not math.isfinite(closed):
        return zero
    low, high = sorted(at(_finite(end, closed)) for end in (row.low, row.high))
    below = " below" if closed < 0 else ""
    return (
        f'{zero}<i class="span{below}" style="left:{low:.1f}%;width:{high - low:.1f}%"></i>'
        f'<i class="dot{below}" style="left:{at(closed):.1f}%"></i>'
    )


def _chips(findings: Findings, task: str, method: str, prefix: str) -> str:
    rows = [row for row in findings.claims if (row.task, row.method) == (task, method)]
    drawn = [_chip(row, f"{prefix}claim-{place(findings.claims, row)}") for row in rows]
    return "".join(drawn) or '<span class="mute">–</span>'


def _chip(row: ClaimRow, target: str) -> str:
    sign, tone = VERDICTS[row.verdict]
    words = f"{row.id[:60]}: {row.verdict}"
    return (
        f'<a class="chip {tone}" href="#{target}" title="{escape(words)}">'
        f'<span aria-hidden="true">{sign}</span>'
        f'<span class="visually-hidden">{escape(words)}</span></a>'
    )
