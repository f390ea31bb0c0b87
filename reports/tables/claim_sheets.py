"""Puts the verdicts into sheets: what papers claim, and apart from it what we ask of ourselves.

The two tables are never added up. The caption says how many verdicts chance gave at the most, and which headline claims survive the
correction for their number.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from adabench.harness.analysis.claims.family import page_notes
from adabench.harness.analysis.findings import ClaimRow, Findings
from adabench.harness.contract.card import Bound, Card, Claim, Expectation
from adabench.harness.contract.claim import bar, no_effect
from adabench.reports import shown_points
from adabench.reports.tables.cells import (
    Cell,
    Column,
    Sheet,
    Tone,
    ends_of,
    place,
    pointer,
    text_of,
)

OURS = ("own", "check")
"""Sources of claims that no paper makes."""
VERDICTS: dict[str, tuple[str, Tone]] = {
    "reproduced": ("✓", "good"),
    "direction only": ("↗", "fair"),
    "not reproduced": ("✗", "bad"),
    "contradicted": ("⇄", "bad"),
    "does not discriminate": ("=", "fair"),
    "undecided": ("?", "open"),
    "not run": ("…", "mute"),
    "not testable here": ("∅", "mute"),
    "holds": ("≡", "good"),
    "violated": ("≠", "bad"),
}
FAILURES_FIRST = (
    "contradicted", "violated", "not reproduced", "does not discriminate", "direction only",
    "reproduced", "holds", "undecided", "not run", "not testable here",
)  # fmt: skip
"""The order of verdicts where a reader looks for what fails; what has no answer comes last."""


def claims_sheets(
    findings: Findings, task: str | None = None, full: bool = True
) -> tuple[Sheet, ...]:
    """Return the verdicts on what papers claim, and those on what we ask; without empty ones.

    `full` adds what a claim says, the paper's value and fidelity.
    """
    rows = [row for row in findings.claims if task in (None, row.task)]
    published = [row for row in rows if row.source not in OURS]
    own = [row for row in rows if row.source in OURS]
    start = f"{task}: " if task else ""
    found = (
        (f"{start}published claims", published, published_caption(published)),
        (f"{start}own criteria and checks", own, f"{verdict_counts(own)}.".capitalize()),
    )
    cells = _full_claim_cells if full else _claim_cells
    return tuple(
        Sheet(
            title[0].upper() + title[1:] if not task else title,
            _FULL_CLAIM if full else _CLAIM,
            tuple(cells(findings, row, task) for row in shown),
            caption,
        )
        for title, shown, caption in found
        if shown
    )


def reproduction_sheet(rows: Sequence[ClaimRow], cards: Mapping[str, Card]) -> Sheet:
    """Return the claims of one paper, failures first; `cards` are those of its methods by address."""
    columns = (
        Column("claim", "method", right=False),
        Column("paper said", right=False, wraps=True),
        Column("bar"),
        Column("measured", "95 % interval"),
        Column("verdict", "reason", right=False, wraps=True),
    )
    ordered = sorted(
        rows, key=lambda row: (row.source != "headline", FAILURES_FIRST.index(row.verdict))
    )
    body = tuple(
        (
            Cell(row.id, f"{row.task}/{row.method}", "strong"),
            Cell(row.paper or row.says),
            bar_cell(row, cards[f"{row.task}/{row.method}"]),
            measured_cell(row),
            verdict_cell(row),
        )
        for row in ordered
    )
    return Sheet("", columns, body, published_caption(rows))


def published_caption(rows: Sequence[ClaimRow]) -> str:
    """Say what became of the headlines, what chance would give, and what survives Holm."""
    return " ".join(page_notes(rows)) or "No headline claim."


def _address(row: ClaimRow, task: str | None) -> str:
    return row.method if task else f"{row.task}/{row.method}"


_CLAIM = (
    Column("claim", "method", right=False),
    Column("verdict", "reason", right=False, wraps=True),
    Column("estimate", "95 % interval"),
    Column("threshold", rank=1),
    Column("n", rank=2),
)
_FULL_CLAIM = (
    Column("claim", "method · fidelity", right=False),
    Column("says", right=False, wraps=True),
    Column("paper", right=False, wraps=True),
    Column("ours", "95 % interval"),
    *_CLAIM[3:],
    Column("verdict", "reason", right=False, wraps=True),
)


def verdict_counts(rows: Iterable[ClaimRow]) -> str:
    """Return `3 reproduced, 1 not reproduced` in the fixed order of verdicts."""
    counts: Counter[str] = Counter(row.verdict for row in rows)
    return ", ".join(f"{counts[word]} {word}" for word in VERDICTS if counts[word]) or "no claims"


def _claim_cells(findings: Findings, row: ClaimRow, task: str | None) -> tuple[Cell, ...]:
    at = place(findings.claims, row)
    return (
        Cell(row.id, _address(row, task), "strong"),
        verdict_cell(row),
        _ours(row, at),
        _threshold(findings, row, at),
        Cell(f"{row.n:,}", value=row.n, ref=pointer("claims", at, "n")),
    )


def _full_claim_cells(findings: Findings, row: ClaimRow, task: str | None) -> tuple[Cell, ...]:
    head, verdict, *numbers = _claim_cells(findings, row, task)
    fidelity = f"{head.minor} · {row.fidelity or 'fidelity unknown'}"
    says = (Cell(row.says), Cell(row.paper or "–"))
    return (replace(head, minor=fidelity), *says, *numbers, verdict)


def verdict_cell(row: ClaimRow) -> Cell:
    """Return a verdict as sign, word and colour, with its reason."""
    sign, tone = VERDICTS[row.verdict]
    return Cell(f"{sign} {row.verdict}", row.reason, tone, list(VERDICTS).index(row.verdict))


def _ours(row: ClaimRow, at: int) -> Cell:
    return measured_cell(row, pointer("claims", at, "estimate"))


def measured_cell(row: ClaimRow, ref: str = "") -> Cell:
    """Return what was measured of a claim, with its interval."""
    if row.estimate is None:
        return Cell("–", tone="mute")
    minor, ends = ends_of(row.low, row.high, row.estimate)
    return Cell(text_of(row.estimate), minor, value=row.estimate, ref=ref, ends=ends)


def _threshold(findings: Findings, row: ClaimRow, at: int) -> Cell:
    """Return the threshold with the side of it that the claim asks for, where one is known."""
    card = shown_points.card_of(findings, row.task, row.method)
    return bar_cell(row, card, pointer("claims", at, "bar"))


def bar_cell(row: ClaimRow, card: Card, ref: str = "") -> Cell:
    """Return the bar of a claim with the side of it that is asked for, where one is known."""
    if row.bar is None:
        return Cell("–", tone="mute")
    claim = next((claim for claim in card.claims if claim.id == row.id), None)
    return Cell(f"{_side(claim)}{text_of(row.bar)}", value=row.bar, ref=ref)


def _side(claim: Claim | None) -> str:
    if claim is None:
        return ""
    if isinstance(claim.expect, Bound):
        return "≤ "
    at, nothing = bar(claim), no_effect(claim.expect)
    if at is None or (at == nothing and claim.effect is None):
        return _only_limit(claim.expect)
    return "≤ " if at < nothing else "≥ "


def _only_limit(expect: Expectation) -> str:
    """Return the side of a form that has one limit."""
    low, high = (getattr(expect, name, None) for name in ("low", "high"))
    if (low is None) == (high is None):
        return ""
    return "≥ " if high is None else "≤ "
