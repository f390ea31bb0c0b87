"""The papers whose methods are still to come: those of the catalogue, less those that have come."""

from collections.abc import Mapping

from adabench.harness.contract.papers import Paper, papers
from adabench.reports.site.scoreboard import papers_to_come


def agenda() -> Mapping[str, Paper]:
    """Return them by slug."""
    return {
        slug: Paper(slug, title, arxiv)
        for slug, (title, arxiv) in sorted(papers_to_come().items()) if slug not in papers()
    }  # fmt: skip
