"""The verdicts in a few lines: what failed first, the rest counted, and what --strict makes of them."""

from dataclasses import replace

import pytest

from adabench.cli.commands.claims import strict_code
from adabench.harness.analysis.findings import ClaimRow, Findings
from adabench.reports.tables.claim_digest import FAILED, claim_digest


def row(
    claim_id: str, verdict: str, source: str = "headline", reason: str = "why " * 40
) -> ClaimRow:
    return ClaimRow(
        claim_id, "paging", "mark0", verdict, 0.5, 0.4, 0.6, 0.7, 9, source=source, reason=reason
    )  # type: ignore[arg-type]


def test_what_failed_and_is_undecided_has_lines_and_the_rest_is_counted(findings: Findings) -> None:
    rows = (
        row("A", "reproduced"), row("B", "undecided"), row("C", "not run"), row("D", "violated"),
        row("E", "not reproduced"), row("F", "holds", "check"), row("G", "direction only", "own"),
    )  # fmt: skip
    text = "\n".join(claim_digest(replace(findings, claims=rows), 80))
    published, own = text.split("Own criteria and checks: ")
    places = [published.index(f"  {name}  paging/mark0") for name in "DEB"]
    assert places == sorted(places)
    assert "1 reproduced" in published
    assert not any(f"  {name}  paging" in text for name in "ACF")
    assert "  G  paging/mark0  0.500 [0.400, 0.600], bar 0.700" in own
    assert max(map(len, text.splitlines())) <= 80


def test_many_undecided_claims_are_counted_and_a_pipe_has_whole_reasons(findings: Findings) -> None:
    rows = tuple(row(f"C{i}", "undecided") for i in range(20))
    lines = claim_digest(replace(findings, claims=rows), 10_000)
    assert "  and 12 more" in lines
    assert sum("why why" in line for line in lines) == 8
    assert not any("…" in line for line in lines)


def test_nothing_is_folded_that_failed(findings: Findings) -> None:
    text = "\n".join(claim_digest(findings, 80))
    failed = [one for one in findings.claims if one.verdict in FAILED]
    assert failed
    assert all(one.id in text for one in failed)


@pytest.mark.parametrize(
    ("rows", "code", "allowed"),
    [
        ([row("A", "reproduced"), row("B", "not run")], 0, 0),
        ([row("A", "undecided")], 5, 0),
        ([row("A", "undecided", "figure")], 0, 0),
        ([row("A", "undecided"), row("B", "direction only", "own")], 1, 1),
    ],
)
def test_strict_fails_on_what_failed_and_on_undecided_headlines(
    findings: Findings, rows: list[ClaimRow], code: int, allowed: int
) -> None:
    own = replace(findings, claims=tuple(rows))
    assert strict_code(own, allow_undecided=False) == code
    assert strict_code(own, allow_undecided=True) == allowed
