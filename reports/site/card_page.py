"""A card as a page: what adapts, knobs, metrics, claims, the essay; and what a run found of it.

Without a run the page says what is claimed; with one it adds the verdicts, the method's place in
the task's quality-cost plot, and where its compute went (the allocation picture).
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from adabench.harness.analysis.findings import Findings
from adabench.harness.contract.card import Card
from adabench.harness.contract.registry import Entry
from adabench.reports import shown_points
from adabench.reports.figures import allocation, pareto
from adabench.reports.figures.style import file_stem, inline_svg
from adabench.reports.report import page_frame
from adabench.reports.site.pages import SWAP
from adabench.reports.tables.claim_sheets import claims_sheets
from adabench.reports.tables.sheets import (
    Cell,
    Column,
    Sheet,
    gap_sheet,
    speedup_sheet,
    summary_sheet,
)

FIDELITY = {
    "code-confirmed": "the authors' code was read and agrees",
    "paper": "after the paper's text",
    "reconstructed": "the paper leaves gaps that were filled with care",
    "special-case": "a special case of what the paper describes",
}


def page(
    entry: Entry, told: Mapping[str, Any], names: Sequence[str] = (), found: Findings | None = None
) -> str:
    """Return the page; `told` is `catalogue.card`, `names` are a task's methods."""
    card = entry.card
    is_method = "/" in entry.address
    task, _, method = entry.address.partition("/")
    parts = [
        _facts(card, told, is_method),
        page_frame.table(_knobs(card)),
        page_frame.table(_metrics(card)),
        _of_run(found, task, method) if found else "",
        page_frame.table(_claims(card)) if card.claims and not found else "",
        page_frame.section("Methods", _list(names)) if names else "",
        page_frame.section("Essay", f"<pre>{escape(str(told['essay']))}</pre>")
        if told["essay"]
        else "",
    ]
    lead = f"{card.role} method of the task {task}" if is_method else "a task"
    return page_frame.document(f"{entry.address}: {card.title}", escape(lead), parts)


def _facts(card: Card, told: Mapping[str, Any], is_method: bool) -> str:
    fidelity = f"{card.fidelity}: {FIDELITY[card.fidelity]}" if is_method else ""
    facts = {
        "What adapts": card.adapts,
        "Signal": ", ".join(card.signal),
        "No signal": card.no_signal,
        "Paper": card.paper,
        "Fidelity": fidelity,
        "Skips work of": card.skips_from,
        "Oracle": card.oracle,
        "Needs": ", ".join(card.needs),
        "Can run here": "yes" if told["available"] else f"no: {told['reason']}",
    }
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items() if text
    )
    return f"<dl>{items}</dl>"


def _knobs(card: Card) -> Sheet:
    columns = (
        Column("knob", right=False),
        Column("default", right=False),
        Column("values", right=False, wraps=True),
        Column("turned", right=False),
    )
    when = {"prepare": "needs another preparation", "solve": "any time"}
    body = tuple(
        (
            Cell(knob.name, tone="strong"),
            Cell(str(knob.default)),
            Cell(
                ", ".join(map(str, knob.values))
                + (", others too" if knob.open else "".join(f", or {value}" for value in knob.also))
            ),
            Cell(when[knob.at]),
        )
        for knob in card.knobs
    )
    return Sheet("Knobs", columns, body)


def _metrics(card: Card) -> Sheet:
    columns = (
        Column("metric", right=False),
        Column("unit", right=False),
        Column("role", right=False),
        Column("better", right=False),
    )
    body = tuple(
        (
            Cell(metric.name, tone="strong"),
            Cell(metric.unit),
            Cell(metric.role + (", primary" if metric.primary else "")),
            Cell(metric.better),
        )
        for metric in card.metrics
    )
    return Sheet("Metrics", columns, body)


def _claims(card: Card) -> Sheet:
    columns = (
        Column("claim", right=False),
        Column("says", right=False, wraps=True),
        Column("paper", right=False, wraps=True),
        Column("tested as", right=False, wraps=True),
    )
    body = tuple(
        (
            Cell(claim.id, tone="strong"),
            Cell(claim.says),
            Cell(claim.paper),
            Cell(str(claim.expect)),
        )
        for claim in card.claims
    )
    return Sheet("Claims", columns, body, "Not judged: no run was given.")


def _list(names: Sequence[str]) -> str:
    return f"<p>{escape(', '.join(names))}</p>"


def _of_run(found: Findings, task: str, method: str) -> str:
    """Return what a run found of a task, or of one of its methods."""
    if task not in shown_points.tasks(found):
        return f"<p>The run {escape(Path(found.run).name)} holds nothing of {escape(task)}.</p>"
    sheets = (
        summary_sheet(found, task),
        gap_sheet(found, task),
        speedup_sheet(found, task),
        *claims_sheets(found, task),
    )
    parts = [page_frame.table(_only(sheet, method)) for sheet in sheets]
    return page_frame.section(
        f"In the run {Path(found.run).name}", _plot(found, task), *parts, _where(found, task)
    )


def _only(sheet: Sheet, method: str) -> Sheet:
    """Return the rows of one method; of all, without a method."""
    if not method:
        return sheet
    rows = tuple(row for row in sheet.rows if method in _named(row))
    return Sheet(sheet.title, sheet.columns, rows, sheet.caption)


def _named(row: Sequence[Cell]) -> set[str]:
    """Return the words that name a row's method: its first cell, or what stands under it."""
    first = row[0]
    return {first.text, first.text.removesuffix(" *"), first.minor.partition(" · ")[0]}


def _plot(found: Findings, task: str) -> str:
    if not pareto.has_plot(found, task):
        return ""
    words = pareto.describe(found, task)
    svg = inline_svg(pareto.plot(found, task), file_stem("quality-cost", task), words, SWAP)
    return f"<figure>{svg}<figcaption>{escape(words)}</figcaption></figure>"


def _where(found: Findings, task: str) -> str:
    if not allocation.has_allocation(found, task):
        return ""
    words = allocation.describe(found, task)
    stem = file_stem("allocation", task)
    svg = inline_svg(allocation.allocation(found, task), stem, words, SWAP)
    return f"<figure>{svg}<figcaption>{escape(words)}</figcaption></figure>"
