"""What became of claims: those of papers and, apart from them, what we ask of ourselves.

Failures come first. What was not run, or cannot be tested here, is folded away under its count.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html import escape

from adabench.harness.analysis.findings import ClaimRow, Findings
from adabench.reports import shown_points
from adabench.reports.report.markup import table
from adabench.reports.tables.cells import Cell, Sheet, place
from adabench.reports.tables.claim_sheets import FAILURES_FIRST, OURS, VERDICTS, claims_sheets

FOLDED = ("not run", "not testable here")


def published(findings: Findings, prefix: str) -> str:
    """Return the count of headlines, and the tables of what papers claim."""
    rows = [row for row in findings.claims if row.source not in OURS]
    if not rows:
        return ""
    return _tally(rows) + "".join(
        _sheets(findings, task, prefix, rows) for task in shown_points.tasks(findings)
    )


def own(findings: Findings, prefix: str) -> str:
    """Return the tables of our own criteria and checks."""
    rows = [row for row in findings.claims if row.source in OURS]
    return "".join(_sheets(findings, task, prefix, rows) for task in shown_points.tasks(findings))


def _tally(rows: Sequence[ClaimRow]) -> str:
    """Count the headlines' verdicts."""
    headline = [row for row in rows if row.source == "headline"]
    counts: Counter[str] = Counter(row.verdict for row in headline)
    words = [word for word in FAILURES_FIRST if counts[word]]
    bars = "".join(f'<i class="{VERDICTS[w][1]}" style="flex:{counts[w]}"></i>' for w in words)
    items = "".join(
        f'<li class="{VERDICTS[word][1]}"><b>{counts[word]}</b> '
        f"<span>{VERDICTS[word][0]} {escape(word)}</span></li>"
        for word in words
    )
    return (
        f'<div class="tally"><p class="big">{counts["reproduced"]} <small>of {len(headline)} headline '
        f'claims reproduced</small></p><div class="stack" aria-hidden="true">{bars}</div>'
        f'<ul class="verdicts">{items}</ul></div>'
    )


def _sheets(findings: Findings, task: str, prefix: str, rows: Sequence[ClaimRow]) -> str:
    """Return the tables of one task; a row can be linked to by its place among all claims."""
    some = [row for row in rows if row.task == task]
    if not some:
        return ""
    ours = some[0].source in OURS
    sheet = claims_sheets(findings, task)[-1 if ours else 0]
    pairs = sorted(
        zip(some, sheet.rows, strict=True), key=lambda pair: FAILURES_FIRST.index(pair[0].verdict)
    )
    decided = [pair for pair in pairs if pair[0].verdict not in FOLDED]
    folded = [pair for pair in pairs if pair[0].verdict in FOLDED]
    drawn = _sheet(findings, prefix, sheet, decided)
    if not folded:
        return drawn
    counts: Counter[str] = Counter(row.verdict for row, _ in folded)
    said = ", ".join(f"{counts[word]} {word}" for word in FOLDED if counts[word])
    inner = _sheet(findings, prefix, replace(sheet, caption=""), folded)
    return f"{drawn}<details><summary>{escape(task[:60])}: {said}</summary>{inner}</details>"


def _sheet(
    findings: Findings,
    prefix: str,
    sheet: Sheet,
    pairs: Sequence[tuple[ClaimRow, tuple[Cell, ...]]],
) -> str:
    keys = [f"{prefix}claim-{place(findings.claims, row)}" for row, _ in pairs]
    return table(replace(sheet, rows=tuple(cells for _, cells in pairs)), row_keys=keys)
