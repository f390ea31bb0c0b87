"""Renders the report: one HTML file that holds everything and loads nothing.

`render` is a pure function of the findings and, where a task draws a case, of the run folder. What answers the question is plain HTML made here;
what a reader turns and filters is drawn by `page/*.js` from one JSON document (`chart_data.py`), and every chart has a table with its numbers.
Everything from a run is escaped, and a content security policy with the digests of our two scripts lets no other run (`docs/log/report.md`).
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from html import escape
from pathlib import Path
from string import Template

from adabench.harness.analysis.findings import Findings
from adabench.reports import shown_points
from adabench.reports.figures import allocation, curves
from adabench.reports.figures.style import file_stem
from adabench.reports.report import case_drawings, claim_panels, provenance
from adabench.reports.report.chart_data import document, encode
from adabench.reports.report.drill_down import PointDetails
from adabench.reports.report.front_page import front_page
from adabench.reports.report.markup import LONGEST, cell_of, name, table
from adabench.reports.tables.ceiling_fractions import fractions_sheet
from adabench.reports.tables.cells import Column, estimate_cell, place, pointer
from adabench.reports.tables.sheets import gap_sheet, speedup_sheet, summary_sheet, times_sheet

SCRIPTS = ("number", "chart", "labels", "quality_cost", "curves", "table", "drill", "main")
"""The page's own script, in this order one function."""
SENTENCE = 500
"""Characters that a caption in words may have; of more methods the table tells more."""


@dataclass(frozen=True, eq=False)
class ShownRun:
    """One run on a page: its findings, its place there, and what lies behind its points."""

    findings: Findings
    at: int = 0
    insides: Mapping[int, PointDetails] | None = None
    several: bool = False

    @property
    def prefix(self) -> str:
        """What the ids of this run's elements begin with; nothing on a page of one run."""
        return f"r{self.at}-" if self.several else ""

    @cached_property
    def links(self) -> dict[str, str]:
        """The ids of the tasks' parts."""
        found: dict[str, str] = {}
        for task in shown_points.tasks(self.findings):
            stem = f"{self.prefix}{file_stem('task', task)}"
            taken = sum(known.startswith(stem) for known in found.values())
            found[task] = f"{stem}-{taken + 1}" if taken else stem
        return found


def render(*runs: Findings, insides: Sequence[Mapping[int, PointDetails] | None] = ()) -> str:
    """Return the whole page as text, for one run or several.

    `insides` has what lies behind each run's points (`drill.inside`); without it the page has
    no drill-down.
    """
    behind = [*insides, *[None] * len(runs)]
    shown = [ShownRun(run, at, behind[at], len(runs) > 1) for at, run in enumerate(runs)]
    data = encode({"runs": [document(run.findings, run.insides) for run in shown]})
    vendor, script = _vendor(), _script()
    return Template(_read("template.html")).substitute(
        title=_title(runs),
        policy=_policy(vendor, script),
        style=_read("page/page.css"),
        chooser=_chooser(runs),
        runs="\n".join(_run(run) for run in shown),
        data=data,
        vendor=vendor,
        script=script,
    )


@cache
def _read(path: str) -> str:
    return Path(__file__).parent.joinpath(path).read_text(encoding="utf-8")


def _vendor() -> str:
    return _read("vendor/plot.js").strip()


@cache
def _script() -> str:
    parts = "\n".join(_read(f"page/{stem}.js") for stem in SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}}})();'


@cache
def _policy(*scripts: str) -> str:
    """Return a content security policy: nothing is loaded, and only these scripts run."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}"


def _title(runs: Sequence[Findings]) -> str:
    if len(runs) > 1:
        return f"adabench: {len(runs)} runs"
    names = [task for run in runs for task in shown_points.tasks(run)]
    return escape(f"adabench: {', '.join(names)[:LONGEST] or 'an empty run'}")


def _chooser(runs: Sequence[Findings]) -> str:
    if len(runs) < 2:
        return ""
    options = "".join(
        f'<option value="{at}">{escape(run.run[-80:])}</option>' for at, run in enumerate(runs)
    )
    choices = f'<option value="all">all {len(runs)} runs</option>{options}'
    return f'<label hidden>Run <select id="run" aria-label="Run">{choices}</select></label>'


# One run


def _run(shown: ShownRun) -> str:
    findings = shown.findings
    heading = f'<h2 class="runname">{name(findings.run)}</h2>' if shown.several else ""
    parts = {key: body for key, body in panels(shown).items() if body}
    links = "".join(f'<li><a href="#{shown.prefix}{key}">{HEADINGS[key]}</a></li>' for key in parts)
    drawn = [
        f'<section class="panel" id="{shown.prefix}{key}"><h2>{HEADINGS[key]}</h2>{body}</section>'
        for key, body in parts.items()
    ]
    return "\n".join(
        [
            f'<article class="run" data-run="{shown.at}">',
            heading,
            f'<section class="front" id="{shown.prefix}answer" aria-label="The answer{_of(shown)}">',
            front_page(findings, shown.prefix, shown.links),
            "</section>",
            f'<nav class="tabs" aria-label="Parts{_of(shown)}"><ul>{links}</ul></nav>',
            *drawn,
            "</article>",
        ]
    )


HEADINGS = {
    "tasks": "Tasks",
    "claims": "Paper claims",
    "checks": "Own checks",
    "cases": "Cases",
    "machine": "Machine",
    "reproduce": "Reproduce",
}


def panels(shown: ShownRun) -> dict[str, str]:
    """Return the parts below the first screen, by key; an empty one is left out."""
    findings, tasks = shown.findings, list(shown.links)
    return {
        "tasks": _task_links(shown) + "\n".join(_task(shown, at, t) for at, t in enumerate(tasks)),
        "claims": claim_panels.published(findings, shown.prefix),
        "checks": claim_panels.own(findings, shown.prefix),
        "cases": "\n".join(_cases(shown, at, task) for at, task in enumerate(tasks)),
        "machine": "<h3>What disturbed it</h3>"
        + provenance.disturbances(findings)
        + "<h3>Instruments</h3>"
        + provenance.instruments(findings.manifest.get("instruments", ()))
        + "<h3>Environment</h3>"
        + table(fractions_sheet(findings))
        + provenance.environment(findings.manifest),
        "reproduce": provenance.reproduce(findings),
    }


def _of(shown: ShownRun) -> str:
    """Tell landmarks of several runs apart."""
    return f" of run {shown.at + 1}" if shown.several else ""


def _task_links(shown: ShownRun) -> str:
    if len(shown.links) < 2:
        return ""
    items = "".join(
        f'<li><a href="#{key}">{name(task, 60)}</a></li>' for task, key in shown.links.items()
    )
    return f'<ul class="jump">{items}</ul>'


# One task


def _task(shown: ShownRun, at: int, task: str) -> str:
    findings, card = shown.findings, shown.findings.task_cards[task]
    parts = [
        f'<section class="task" id="{shown.links[task]}" data-run="{shown.at}" data-task="{at}">',
        f"<h3>{name(card.title)} <small>{name(task)}</small></h3>",
        f"<p>What adapts: {name(card.adapts, 600)}</p>" if card.adapts else "",
        _quality_cost(findings, task),
        _curves(findings, task),
        _allocation(findings, task),
        table(summary_sheet(findings, task)),
        table(times_sheet(findings, task)),
        table(gap_sheet(findings, task)),
        table(speedup_sheet(findings, task)) or _no_speedup(card.no_speedup),
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _cases(shown: ShownRun, at: int, task: str) -> str:
    """Return a recorded case as its task draws it, and every operating point with a look inside."""
    body = case_drawings.figure(shown.findings, task) + _points(shown, task)
    if not body:
        return ""
    return (
        f'<section class="cases" data-run="{shown.at}" data-task="{at}">'
        f"<h3>{name(task)}</h3>{body}</section>"
    )


def _no_speedup(reason: str) -> str:
    return f'<p class="note">No realised speedup: {name(reason, 600)}.</p>' if reason else ""


def _quality_cost(findings: Findings, task: str) -> str:
    card = findings.task_cards[task]
    present = {key for row in findings.summary if row.task == task for key in row.metrics}
    axes = shown_points.primary(card, "quality"), shown_points.primary(card, "work")
    if not all(axis and axis.name in present for axis in axes):
        return '<p class="note">No plot: quality and work were not both recorded.</p>'
    return (
        '<div class="quality-cost"><h4>Quality against cost</h4><div class="controls"></div>'
        f'<figure><div class="chart">{_stage(f"Quality against cost of {task[:80]}")}'
        '<ul class="legend" aria-label="Methods; press one to isolate it"></ul></div>'
        '<p class="readout" role="status"></p><figcaption></figcaption></figure></div>'
    )


def _stage(label: str, kind: str = "stage") -> str:
    hint = "arrow keys step through its points, Enter isolates a method, Escape shows all"
    return (
        f'<div class="{kind}" tabindex="0" role="group" aria-label="{escape(label)}; {hint}">'
        '<noscript><p class="empty">Charts are drawn by script; the tables below hold what '
        "they show.</p></noscript></div>"
    )


def _curves(findings: Findings, task: str) -> str:
    swept = curves.swept_conditions(findings, task)
    if not swept:
        return ""
    return (
        f'<div class="curves"><h4>Turning a knob</h4><div class="controls"></div>'
        f'<figure><div class="chart wide">{_stage(f"Curves of {task[:80]}", "stage low")}</div>'
        '<p class="readout" role="status"></p><figcaption></figcaption></figure></div>'
    )


def _points(shown: ShownRun, task: str) -> str:
    count = sum(row.task == task for row in shown.findings.summary)
    if not count:
        return ""
    behind = ", with a look inside each" if shown.insides else ""
    return (
        f'<details class="points"><summary>Every operating point <small>({count:,}, sortable and '
        f"filterable{behind})</small></summary></details>"
    )


def _allocation(findings: Findings, task: str) -> str:
    """Draw where the compute goes as a table whose cells are darker where there is more."""
    if not allocation.has_allocation(findings, task):
        return ""
    card = findings.task_cards[task]
    found = allocation.rows(findings, task)
    top = max(value for _, values in found for value in values if value is not None)
    heads = "".join(
        f'<th scope="col" class="right">{escape(label)}</th>'
        for label in allocation.classes(card.allocation)
    )
    rows = "".join(_heat_row(findings, task, method, top) for method, _ in found)
    unit = shown_points.metric_named(card, card.allocation[0]).unit
    told = allocation.describe(findings, task)
    words = f"{unit or 'work'}, darker is more. {told if len(told) < SENTENCE else ''}".rstrip()
    return (
        '<h4>Where the compute goes</h4><div class="scroll" tabindex="0" role="region" '
        'aria-label="Where the compute goes"><table class="heat"><caption>Work by class of input'
        f"<small>{escape(words)}</small></caption>"
        f'<thead><tr><th scope="col">method</th>{heads}</tr></thead><tbody>{rows}</tbody>'
        "</table></div>"
    )


def _heat_row(findings: Findings, task: str, method: str, top: float) -> str:
    card = findings.task_cards[task]
    row = shown_points.default_row(findings, task, method)
    drawn = []
    for key in card.allocation:
        found = row.metrics.get(key) if row else None
        if row is None or found is None:
            drawn.append('<td class="absent">–</td>')
            continue
        ref = pointer("summary", place(findings.summary, row), "metrics", key, "estimate")
        share = min(1.0, max(0.0, found.estimate / top)) if top > 0 else 0.0
        cell = estimate_cell(found, "", ref=ref)
        html = cell_of(Column(key), cell)
        drawn.append(html.replace("<td", f'<td style="--share:{share:.3f}"', 1))
    return f'<tr><th scope="row" class="strong">{name(method)}</th>{"".join(drawn)}</tr>'
