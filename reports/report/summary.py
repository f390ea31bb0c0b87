"""The front of the page: the answer in ten seconds.

Four facts (who is on the front, the largest oracle gap closed, the best realised speedup, what
became of the claims), then one board with a line per method that holds all four. Refuted claims
and negative shares stand in the same place and weight as the others.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from adabench.harness.analysis.findings import ClaimRow, Findings, GapRow, SpeedupRow
from adabench.harness.store.energy_labels import is_energy
from adabench.reports import shown_points
from adabench.reports.figures import pareto
from adabench.reports.report.markup import exact, interval, name, number
from adabench.reports.tables.cells import Cell, gap_cell, labelled_name, place, speedup_cell
from adabench.reports.tables.claim_sheets import VERDICTS

NAMED = 6
"""Methods of a front that are named in the first fact; the board marks them all."""
MOST_METRICS = 3


def fronts(findings: Findings) -> dict[str, list[str] | None]:
    """Return, per task, the methods that nothing recorded beats in cost and quality."""
    found: dict[str, list[str] | None] = {}
    for task in shown_points.tasks(findings):
        known = pareto.has_plane(findings, task)
        shown = pareto.layout(findings, task) if known else None
        found[task] = pareto.on_front(findings, shown, task) if shown else None
    return found


def answer(findings: Findings, prefix: str) -> str:
    """Return the four facts and the board; `prefix` is that of the run's element ids."""
    best = fronts(findings)
    facts = [
        _fact("On the front", _front_fact(findings, best)),
        _fact("Largest oracle gap closed", _gap_fact(findings)),
        _fact("Realised speedup: saved work that became time or joules", _speedup_fact(findings)),
        _fact("Published claims", _claims_fact(findings)),
    ]
    return f'<div class="answer">{"".join(facts)}</div>{board(findings, best, prefix)}'


def _fact(heading: str, body: str) -> str:
    return f'<section class="fact"><h3>{heading}</h3>{body}</section>'


def _front_fact(findings: Findings, best: Mapping[str, list[str] | None]) -> str:
    planes = {task: names for task, names in best.items() if names is not None}
    if not planes:
        return '<p class="big">–</p><p>No plane was recorded.</p>'
    methods = sum(
        shown_points.card_of(findings, task, method).role != "oracle"
        for task in planes
        for method in shown_points.methods(findings, task)
    )
    count = sum(map(len, planes.values()))
    if len(planes) == 1:
        [names] = planes.values()
        listed = ", ".join(name(one, 60) for one in names[:NAMED]) or "none"
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        said = f"<p><b>{listed}</b>{more}</p>"
    else:
        said = f"<p>over {len(planes)} tasks; the board marks them.</p>"
    return (
        f'<p class="big">{count} <small>of {methods} methods</small></p>{said}'
        '<p class="note">By means; oracles do not compete.</p>'
    )


def _gap_fact(findings: Findings) -> str:
    """Name the largest gap closed whose interval excludes 0, and count the rest."""
    known = [row for row in findings.gaps if row.gap_closed is not None]
    counts = Counter(row.status for row in findings.gaps if row.gap_closed is None)
    note = "1: the oracle. 0: the mixture of static settings. -1: the random router."
    words = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    note += f" Without a number: {words}." if words else ""
    above = [row for row in known if row.settled and (row.gap_closed or 0.0) > 0]
    if not above:
        said = "No gap was closed beyond doubt." if known else "No oracle gap has a number."
        return f'<p class="big">–</p><p>{said}</p><p class="note">{note}</p>'
    row = min(above, key=shown_points.gap_order)
    below = sum(one.settled and (one.gap_closed or 0.0) < 0 for one in known)
    worse = f" {below} of {len(known)} are worse than the mixture." if below else ""
    return (
        f'<p class="big">{_shown(gap_cell(findings, row))}</p>'
        f"<p>{_who(findings, row)}.{worse}</p>"
        f'<p class="note">{note}</p>'
    )


def _shown(cell: Cell) -> str:
    ends = f" <small>{interval(cell)}</small>" if cell.minor else ""
    return number(cell.value or 0.0, cell.text, cell.ref) + ends


def _who(findings: Findings, row: GapRow | SpeedupRow) -> str:
    several = len(findings.task_cards) > 1
    return f"<b>{name(f'{row.task}/{row.method}' if several else row.method, 80)}</b>"


def _speedup_fact(findings: Findings) -> str:
    known = [row for row in findings.speedups if _finite(row.speedup, math.nan) == row.speedup]
    missing = len(findings.speedups) - len(known)
    note = "1: all of it. 0: none. Below 0: slower for the saving."
    note += f" {missing} without a number; the tables say why." if missing else ""
    if not known:
        reasons = {card.no_speedup for card in findings.task_cards.values()} - {""}
        why = f" {name('; '.join(sorted(reasons)), 300)}." if reasons else ""
        said = f"<p>No speedup could be computed.{why}</p>"
        return f'<p class="big">–</p>{said}<p class="note">{note}</p>'
    row = max(known, key=lambda one: (one.speedup or 0.0, one.method))
    where = "".join(f" {key}={value}" for key, value in row.conditions.items())
    into = escape(labelled_name(findings, row.metric))
    return (
        f'<p class="big">{_shown(speedup_cell(findings, row))}</p>'
        f"<p>{_who(findings, row)}{escape(where)} into {into}, the best of {len(known)}.</p>"
        f'<p class="note">{note}</p>'
    )


def _claims_fact(findings: Findings) -> str:
    """Count the headlines' verdicts, those with a zero too: their absence is an answer."""
    headline = [row for row in findings.claims if row.source == "headline"]
    counts: Counter[str] = Counter(row.verdict for row in headline)
    total = len(headline)
    bars = "".join(
        f'<i class="{tone}" style="flex:{counts[word]}"></i>'
        for word, (_, tone) in VERDICTS.items()
        if counts[word]
    )
    items = "".join(
        f'<li class="{tone}"><b>{counts[word]}</b> <span>{sign} {escape(word)}</span></li>'
        for word, (sign, tone) in VERDICTS.items()
    )
    return (
        f'<p class="big">{counts["reproduced"]} <small>of {total} headlines reproduced</small></p>'
        f'<div class="stack" aria-hidden="true">{bars}</div><ul class="verdicts">{items}</ul>'
    )


# The board


def board(findings: Findings, best: Mapping[str, list[str] | None], prefix: str) -> str:
    """Return the table with a line per method, oracles apart: front, gap, speedup, claims."""
    left = _leftmost(findings.gaps)
    metrics = _sped_up(findings)
    rows = [
        _line(findings, task, method, best[task] or [], left, metrics, prefix)
        for task in shown_points.tasks(findings)
        for method in _ordered(findings, task)
    ]
    if not rows:
        return ""
    into = "".join(
        f'<th scope="col" class="right">speedup<small>{escape(labelled_name(findings, one))}'
        "</small></th>"
        for one in metrics
    )
    key = f"{prefix}board"
    return (
        f'<div class="board-head"><h2 id="{key}-title">All methods</h2><div class="controls">'
        f'<label hidden>Filter methods<input type="search" data-filters="{key}"></label></div></div>'
        '<p class="note">Front by means. Oracle gap closed with its 95 % interval: 1 is the oracle, '
        "0 the mixture of static settings, -1 the random router. Speedup: the share of saved work "
        "that became time or joules. Claims link to their reasons.</p>"
        f'<div class="scroll full board" tabindex="0" role="region" aria-labelledby="{key}-title">'
        f'<table id="{key}" aria-labelledby="{key}-title">'
        '<thead><tr><th scope="col">method<small>role · fidelity</small></th>'
        '<th scope="col">front</th><th scope="col" class="h">gap closed<small>of the oracle\'s</small></th>'
        f'{into}<th scope="col">claims</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _ordered(findings: Findings, task: str) -> list[str]:
    """Return the methods of a task: the largest gap closed first, those without a number last."""
    names = shown_points.methods(findings, task)
    names = [n for n in names if shown_points.card_of(findings, task, n).role != "oracle"]
    rows = {row.method: row for row in findings.gaps if row.task == task}
    return sorted(names, key=lambda n: (*shown_points.gap_order(rows.get(n))[:2], n not in rows))


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
) -> str:
    card = shown_points.card_of(findings, task, method)
    several = len(findings.task_cards) > 1
    shown = name(f"{task}/{method}" if several else method)
    front = '<td class="on">on the front</td>' if method in best else '<td class="mute">–</td>'
    row = shown_points.gap_of(findings, task, method)
    speedups = "".join(_speedup(findings, task, method, metric) for metric in metrics)
    return (
        f'<tr><th scope="row" class="strong">{shown}'
        f"<small>{escape(f'{card.role} · {card.fidelity}')}</small></th>{front}"
        f"{_gap(findings, row, left)}{speedups}<td>{_chips(findings, task, method, prefix)}</td></tr>"
    )


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
