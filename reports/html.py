"""The report: one HTML file that holds everything and loads nothing.

`render` is a pure function of the findings: the same findings give the same bytes. Figures are
inlined as SVG whose ink follows the page, so they suit light and dark and stay sharp in print.
`template.html` has the frame, the style and twenty lines of script that sort tables; without
script the page loses only that. Everything that comes from a run is escaped.

What is shown, in this order: the ten-second answer; for each task its plane, headroom,
curves, methods, conversion and claims; what disturbed the measurement; the instruments and
the environment; the command.
"""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from adabench.harness.findings import ConversionRow, Findings, HeadroomRow
from adabench.reports import allocation, curves, operating, pareto
from adabench.reports.ceilings import fractions_sheet
from adabench.reports.figure import GREY, INK, RULE, SLATE, file_stem, inline_svg
from adabench.reports.sheets import (
    VERDICTS,
    Cell,
    Column,
    Sheet,
    claims_sheet,
    conversion_sheet,
    headroom_sheet,
    labelled_name,
    points_sheet,
    summary_sheet,
)

SWAP = {
    INK: "currentColor",
    SLATE: "var(--slate)",
    GREY: "var(--grey)",
    RULE: "var(--rule)",
}
"""Figures are drawn for paper; on the page their neutral colours follow the theme."""
DEEPEST = -1.0
"""Headroom below this is drawn at the bar's end; its number is beside it."""


def render(findings: Findings) -> str:
    """Return the whole page as text."""
    names = operating.tasks(findings)
    template = Template(Path(__file__).with_name("template.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(f"adabench: {', '.join(names) or 'an empty run'}"),
        lead=_lead(findings, names),
        contents=_contents(findings, names),
        answer=_answer(findings, names),
        tasks="\n".join(_task(findings, task) for task in names),
        disturbances=_disturbances(findings),
        instruments=_instruments(findings.manifest.get("instruments", ())),
        environment=_table(fractions_sheet(findings)) + _environment(findings.manifest),
        reproduce=_reproduce(findings),
    )


def _lead(findings: Findings, names: Sequence[str]) -> str:
    """Say in one line what was run, where and when."""
    cells = {record.cell.key for record in findings.records}
    seeds = {record.cell.seed for record in findings.records}
    scales = sorted({record.cell.scale for record in findings.records})
    parts = [
        f"{len(names)} {'task' if len(names) == 1 else 'tasks'}",
        f"{len(findings.method_cards)} methods",
        f"{len(cells):,} cells",
        f"{len(findings.records):,} records",
        f"{len(seeds)} {'seed' if len(seeds) == 1 else 'seeds'}",
        f"scale {', '.join(scales)}" if scales else "",
        str(findings.manifest.get("started", "")),
    ]
    return escape(" · ".join(part for part in parts if part))


def _contents(findings: Findings, names: Sequence[str]) -> str:
    links = [("answer", "The answer"), *((_id(task), task) for task in names)]
    links += [
        ("disturbances", "What disturbed it"),
        ("instruments", "Instruments"),
        ("environment", "Environment"),
        ("reproduce", "Reproduce"),
    ]
    return "".join(f'<li><a href="#{key}">{escape(text)}</a></li>' for key, text in links)


def _id(task: str) -> str:
    return f"task-{file_stem(task)}"


# The ten-second answer


def _answer(findings: Findings, names: Sequence[str]) -> str:
    return "\n".join(
        [
            _panel("On the front", _fronts(findings, names)),
            _panel("Claims", _verdicts(findings)),
            _panel("Headroom captured, <i>H</i>", _headrooms(findings), wide=True),
            _panel("Saved work that became time or joules, <i>K</i>", _conversions(findings)),
        ]
    )


def _panel(heading: str, body: str, wide: bool = False) -> str:
    kind = "panel wide" if wide else "panel"
    return f'<section class="{kind}"><h3>{heading}</h3>{body}</section>'


def _fronts(findings: Findings, names: Sequence[str]) -> str:
    """Name the methods that nothing recorded beats in both cost and quality."""
    items = []
    for task in names:
        if not pareto.has_plane(findings, task):
            items.append(f"<dt>{escape(task)}</dt><dd>no plane was recorded</dd>")
            continue
        shown = pareto.layout(findings, task)
        winners = pareto.on_front(findings, shown, task)
        axes = f"{shown.quality.name} × {shown.cost.name}"
        methods = ", ".join(f"<b>{escape(name)}</b>" for name in winners) or "none"
        items.append(f"<dt>{escape(task)} <small>{escape(axes)}</small></dt><dd>{methods}</dd>")
    return f'<dl>{"".join(items)}</dl><p class="note">By means; oracles do not compete.</p>'


def _verdicts(findings: Findings) -> str:
    """Count every verdict, those with a zero too: their absence is an answer."""
    counts: Counter[str] = Counter(row.verdict for row in findings.claims)
    items = [
        f'<li class="{tone}"><b>{counts[word]}</b> <span>{sign} {escape(word)}</span></li>'
        for word, (sign, tone) in VERDICTS.items()
    ]
    return f'<ul class="verdicts">{"".join(items)}</ul>'


def _headrooms(findings: Findings) -> str:
    rows = sorted(
        (row for row in findings.headroom if row.h is not None),
        key=lambda row: (row.task, -(row.h or 0.0), row.method),
    )
    missing = sum(row.h is None for row in findings.headroom)
    left = min([0.0, *(max(DEEPEST, _least(row)) for row in rows)])
    bars = "".join(_bar(row, left) for row in rows)
    note = "0: blind mixing of static settings. 1: the oracle. Bars are 95 % intervals."
    if missing:
        note += f" {missing} without a number; the tables say why."
    body = f'<ul class="bars">{bars}</ul>' if rows else "<p>No headroom was computed.</p>"
    return f'{body}<p class="note">{note}</p>'


def _least(row: HeadroomRow) -> float:
    return min(end for end in (row.h, row.low) if end is not None)


def _bar(row: HeadroomRow, left: float) -> str:
    """Draw one headroom on a track from `left` to 1: zero, interval, value."""
    h = row.h or 0.0
    low, high = (h if end is None else end for end in (row.low, row.high))
    zero, start, end, dot = (
        100 * (min(max(v, left), 1.0) - left) / (1 - left) for v in (0.0, low, high, h)
    )
    known = row.low is not None and row.high is not None
    interval = f" [{row.low:.2f}, {row.high:.2f}]" if known else " (no interval)"
    return (
        f'<li><span class="name">{escape(f"{row.task}/{row.method}")}</span>'
        f'<span class="track" aria-hidden="true"><i class="zero" style="left:{zero:.1f}%"></i>'
        f'<i class="span" style="left:{start:.1f}%;width:{end - start:.1f}%"></i>'
        f'<i class="dot{" below" if h < 0 else ""}" style="left:{dot:.1f}%"></i></span>'
        f'<span class="number"><b>{h:.2f}</b><small>{interval}</small></span></li>'
    )


def _conversions(findings: Findings) -> str:
    known = [row for row in findings.conversion if row.k is not None]
    missing = len(findings.conversion) - len(known)
    items = "".join(f"<li>{_conversion(findings, row)}</li>" for row in known)
    note = "1: all saved work became time. 0: none. Below 0: slower for the saving."
    if missing:
        note += f" {missing} without a number; the tables say why."
    body = f"<ul>{items}</ul>" if items else "<p>No conversion could be computed.</p>"
    return f'{body}<p class="note">{note}</p>'


def _conversion(findings: Findings, row: ConversionRow) -> str:
    ends = "" if row.low is None or row.high is None else f" [{row.low:.2f}, {row.high:.2f}]"
    where = "".join(f" {name}={value}" for name, value in row.conditions.items())
    name = escape(f"{row.task}/{row.method}{where}")
    metric = escape(labelled_name(findings, row.metric))
    return f"{name}: <b>{row.k:.2f}</b><small>{ends} into {metric}</small>"


# One task


def _task(findings: Findings, task: str) -> str:
    card = findings.task_cards[task]
    parts = [
        f'<section class="task" id="{_id(task)}">',
        f"<h2>{escape(card.title)} <small>{escape(task)}</small></h2>",
        f"<p>What adapts: {escape(card.adapts)}</p>" if card.adapts else "",
        _plane(findings, task),
        _table(headroom_sheet(findings, task)),
        _allocation(findings, task),
        *(_curves(findings, task, over) for over in curves.swept(findings, task)),
        _table(summary_sheet(findings, task)),
        _folded(points_sheet(findings, task)),
        _table(conversion_sheet(findings, task)),
        _table(claims_sheet(findings, task)),
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _plane(findings: Findings, task: str) -> str:
    if not pareto.has_plane(findings, task):
        return '<p class="note">No plane: quality and work were not both recorded.</p>'
    words = pareto.describe(findings, task)
    name = file_stem("plane", task)
    svg = inline_svg(pareto.plane(findings, task), name, words, SWAP)
    legend = (
        "Dashed: content-blind mixing of the static methods. Dotted: the oracle. Faint: "
        "dominated by the same method. Whiskers: 95 % intervals. "
    )
    return _figure(svg, legend + words)


def _allocation(findings: Findings, task: str) -> str:
    if not allocation.has_allocation(findings, task):
        return ""
    words = allocation.describe(findings, task)
    name = file_stem("allocation", task)
    return _figure(inline_svg(allocation.allocation(findings, task), name, words, SWAP), words)


def _curves(findings: Findings, task: str, over: str) -> str:
    words = curves.describe(findings, task, over)
    name = file_stem("curves", task, over)
    return _figure(inline_svg(curves.curves(findings, task, over), name, words, SWAP), words)


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def _folded(sheet: Sheet) -> str:
    if not sheet.rows:
        return ""
    summary = f"{escape(sheet.title)} ({len(sheet.rows):,})"
    return f"<details><summary>{summary}</summary>{_table(sheet)}</details>"


# Tables


def _table(sheet: Sheet) -> str:
    """Draw a sheet; one without rows is left out."""
    if not sheet.rows:
        return ""
    heads = "".join(_head(column) for column in sheet.columns)
    rows = "".join(_row(sheet.columns, row) for row in sheet.rows)
    note = f" <small>{escape(sheet.caption)}</small>" if sheet.caption else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(sheet.title)}">'
        f"<table><caption>{escape(sheet.title)}{note}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _head(column: Column) -> str:
    minor = f"<small>{escape(column.minor)}</small>" if column.minor else ""
    kind = ' class="right"' if column.right else ""
    return f'<th scope="col"{kind}>{escape(column.name)}{minor}</th>'


def _row(columns: Sequence[Column], cells: Sequence[Cell]) -> str:
    drawn = [
        _cell(column, cell, "td" if place else "th")
        for place, (column, cell) in enumerate(zip(columns, cells, strict=True))
    ]
    return f"<tr>{''.join(drawn)}</tr>"


def _cell(column: Column, cell: Cell, tag: str) -> str:
    kinds = " ".join(
        kind for kind in ("right" * column.right, "wrap" * column.wraps, cell.tone) if kind
    )
    attributes = ' scope="row"' if tag == "th" else ""
    attributes += f' class="{kinds}"' if kinds else ""
    attributes += "" if cell.value is None else f' data-value="{cell.value:.12g}"'
    minor = f"<small>{escape(cell.minor)}</small>" if cell.minor else ""
    return f"<{tag}{attributes}>{escape(cell.text)}{minor}</{tag}>"


# The conditions of the measurement


def _disturbances(findings: Findings) -> str:
    warnings = "".join(
        f"<li>{escape(str(text))}</li>" for text in findings.manifest.get("warnings", ())
    )
    said = f'<ul class="warnings">{warnings}</ul>' if warnings else "<p>Nothing was noticed.</p>"
    return said + _table(_failures(findings))


def _failures(findings: Findings) -> Sheet:
    """Group the records that are not ok by method, status and note."""
    failed = Counter(
        (record.cell.address, record.status, record.note.partition("\n")[0])
        for record in findings.records
        if record.status != "ok"
    )
    columns = (
        Column("method", right=False),
        Column("status", right=False),
        Column("records"),
        Column("note", right=False, wraps=True),
    )
    body = tuple(
        (
            Cell(address, tone="strong"),
            Cell(status, tone="mute" if status == "skipped" else "bad"),
            Cell(f"{count:,}", value=count),
            Cell(note or "no reason was recorded"),
        )
        for (address, status, note), count in sorted(failed.items())
    )
    return Sheet("Records without a result", columns, body)


def _instruments(instruments: Iterable[Mapping[str, Any]]) -> str:
    columns = (
        Column("instrument", right=False),
        Column("label", right=False),
        Column("available", right=False),
        Column("reason", right=False, wraps=True),
        Column("remedy", right=False, wraps=True),
    )
    body = tuple(
        (
            Cell(str(item.get("name", "–")), tone="strong"),
            Cell(str(item.get("label") or "–")),
            Cell("yes", tone="good") if item.get("available") else Cell("no", tone="bad"),
            Cell(str(item.get("reason") or "")),
            Cell(str(item.get("remedy") or "")),
        )
        for item in instruments
    )
    table = _table(Sheet("What could be measured, and what could not", columns, body))
    return table or "<p>The run does not say which instruments it had.</p>"


def _environment(manifest: Mapping[str, Any]) -> str:
    facts = dict(_flat("", manifest.get("environment", {})))
    columns = (Column("what", right=False), Column("value", right=False, wraps=True))
    body = tuple((Cell(name), Cell(text)) for name, text in sorted(facts.items()))
    table = _table(Sheet("Machine, versions and settings", columns, body))
    return table or "<p>The run does not describe its environment.</p>"


def _flat(name: str, value: Any) -> Iterable[tuple[str, str]]:
    """Spread nested data into (dotted name, text)."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), inner)
    elif isinstance(value, list | tuple):
        yield name, ", ".join(str(item) for item in value) or "none"
    else:
        yield name, "unknown" if value is None else str(value)


def _reproduce(findings: Findings) -> str:
    manifest = findings.manifest
    command = manifest.get("command", "")
    line = command if isinstance(command, str) else shlex.join(map(str, command))
    version = manifest.get("adabench")
    lines = [
        f"# adabench {version}" if version else "",
        line or "# the command was not recorded",
        f"adabench report {shlex.quote(findings.run)}  # this page again, from the records",
    ]
    digest = manifest.get("records_sha256")
    drawn = f"<p>Drawn from records with SHA-256 <code>{escape(str(digest))}</code>.</p>"
    text = "\n".join(part for part in lines if part)
    return f"<pre><code>{escape(text)}</code></pre>{drawn if digest else ''}"
