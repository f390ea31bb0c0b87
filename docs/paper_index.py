"""The list of papers: whose numbers were reached, and how much of what can be tested here is decided."""

from collections import Counter
from collections.abc import Mapping, Sequence

from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.contract.papers import Paper, papers
from adabench.harness.decision.answer import standing
from adabench.reports.site import scoreboard

OPEN = ("undecided", "not run")
OUT = "not testable here"
CERTAIN = ("holds", "violated")


def numbers(rows: Sequence[ClaimRow], papers: int) -> str:
    """Say how the numbers of all abstracts stand."""
    counts = Counter(standing(row) for row in rows if row.effect is not None)
    return (
        f"**Of {counts.total()} numbers in {papers} abstracts {counts['reached']} were reached, "
        f"{counts['half reached']} by half, {counts['met by simpler rules too']} are met by simpler rules too, "
        f"{counts['excluded']} are excluded, {counts['open']} are open and {counts['cannot be tested here']} "
        "cannot be tested here.**"
    )


def numbers_reached(rows: Sequence[ClaimRow]) -> str:
    """Say how many numbers of abstracts were reached, and of statements of any gain how many were found."""
    tested = [row for row in rows if row.verdict != OUT]
    stated = [row for row in tested if row.effect is not None]
    any_gain = [row for row in tested if row.effect is None and row.verdict not in CERTAIN]
    return (
        f"**Numbers of the abstracts that were reached, to half at least: {_reproduced(stated)} of {len(stated)}** "
        "that can be tested here. Statements without a number (any gain, no loss) that were found: "
        f"{_reproduced(any_gain)} of {len(any_gain)}. Theorems and identities that hold: "
        f"{sum(row.verdict == 'holds' for row in tested)} of {len(tested) - len(stated) - len(any_gain)}."
    )


def decided(rows: Sequence[ClaimRow]) -> str:
    """Say how many claims are decided, of those that can be tested here."""
    tested = [row for row in rows if row.verdict != OUT]
    return f"{sum(row.verdict not in OPEN for row in tested)} of {len(tested)}"


def _reproduced(rows: Sequence[ClaimRow]) -> int:
    return sum(row.verdict == "reproduced" for row in rows)


def papers_to_come() -> Mapping[str, Paper]:
    """Return by slug the papers of the catalogue whose methods are still to come."""
    return {
        slug: Paper(slug, title, arxiv)
        for slug, (title, arxiv) in sorted(scoreboard.papers_to_come().items()) if slug not in papers()
    }  # fmt: skip
