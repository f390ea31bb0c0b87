"""A card as a page: what adapts, knobs, metrics, claims, the essay; and what a run found of it.

Without a run the page says what is claimed; with one it adds the verdicts, the method's place in
the task's quality-cost plot, and where its compute went (the allocation picture).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from adabench.harness.analysis.findings import Findings
from adabench.harness.analysis.load_run import load_run
from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.catalogue import card_document
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import StoreError
from adabench.reports import shown_points
from adabench.reports.figures import allocation, pareto
from adabench.reports.figures.style import file_stem
from adabench.reports.report import page_frame
from adabench.reports.tables.cells import Cell, Sheet, text_columns, text_row
from adabench.reports.tables.claim_sheets import claims_sheets
from adabench.reports.tables.sheets import gap_sheet, speedup_sheet, summary_sheet

FIDELITY = {
    "code-confirmed": "the authors' code was read and agrees",
    "paper": "after the paper's text",
    "reconstructed": "the paper leaves gaps that were filled with care",
    "special-case": "a special case of what the paper describes",
}


def write_card_page(address: str, path: Path, run: Path | None = None) -> Path:
    """Write the page of a task or a method, with what a run found of it.

    Raises:
        SelectionError: for an address that does not exist.
        StoreError: for a run that cannot be read, or a file that cannot be written.
    """
    entry = registry.find(address)
    names = [] if "/" in address else list(registry.methods(address))
    findings = load_run(run) if run else None
    text = page(entry, card_document(address), names, findings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise StoreError(f"The page {path} cannot be written: {problem.strerror}.") from problem
    return path


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
        page_frame.section("Methods", f"<p>{escape(', '.join(names))}</p>") if names else "",
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
    when = {"prepare": "needs another preparation", "solve": "any time"}
    body = []
    for knob in card.knobs:
        more = ", others too" if knob.open else "".join(f", or {value}" for value in knob.also)
        values = ", ".join(map(str, knob.values)) + more
        body.append(text_row(knob.name, str(knob.default), values, when[knob.at]))
    return Sheet("Knobs", text_columns("knob", "default", "values*", "turned"), tuple(body))


def _metrics(card: Card) -> Sheet:
    body = tuple(
        text_row(one.name, one.unit, one.role + ", primary" * one.primary, one.better)
        for one in card.metrics
    )
    return Sheet("Metrics", text_columns("metric", "unit", "role", "better"), body)


def _claims(card: Card) -> Sheet:
    body = tuple(text_row(one.id, one.says, one.paper, str(one.expect)) for one in card.claims)
    columns = text_columns("claim", "says*", "paper*", "tested as*")
    return Sheet("Claims", columns, body, "Not judged: no run was given.")


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
    return replace(sheet, rows=rows)


def _named(row: Sequence[Cell]) -> set[str]:
    """Return the words that name a row's method: its first cell, or what stands under it."""
    first = row[0]
    return {first.text, first.text.removesuffix(" *"), first.minor.partition(" · ")[0]}


def _plot(found: Findings, task: str) -> str:
    if not pareto.has_plot(found, task):
        return ""
    stem = file_stem("quality-cost", task)
    return page_frame.figure(pareto.plot(found, task), stem, pareto.describe(found, task))


def _where(found: Findings, task: str) -> str:
    if not allocation.has_allocation(found, task):
        return ""
    drawn, stem = allocation.allocation(found, task), file_stem("allocation", task)
    return page_frame.figure(drawn, stem, allocation.describe(found, task))
