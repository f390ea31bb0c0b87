"""What became of the headline claims of every paper: the scoreboard of a site.

A paper counts by the latest verdict on each of its headline claims. Papers whose claims no run of the site
has, and papers that no method reproduces yet, stand below with that word.
"""

import tomllib
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from adabench.harness.contract.papers import papers
from adabench.reports.site.model import Site
from adabench.reports.tables.cells import Cell, Column, Sheet

GROUPS: dict[str, tuple[str, ...]] = {
    "reproduced": ("reproduced", "holds"),
    "in part": ("direction only", "does not discriminate"),
    "not reproduced": ("not reproduced", "contradicted", "violated"),
    "undecided": ("undecided",),
    "not run": ("not run", "not testable here"),
}
"""Columns, and the verdicts that they count."""


@cache
def papers_to_come() -> dict[str, tuple[str, str]]:
    """Return the papers of the catalogue that no method reproduces yet: title and arXiv number."""
    text = Path(__file__).with_name("papers_to_come.toml").read_text(encoding="utf-8")
    return {slug: (title, arxiv) for slug, (title, arxiv) in tomllib.loads(text).items()}


def catalogue() -> dict[str, tuple[str, str]]:
    """Return every paper by slug: title and arXiv number, those with methods first."""
    known = {slug: (paper.title, paper.arxiv) for slug, paper in papers().items()}
    return known | {slug: about for slug, about in papers_to_come().items() if slug not in known}


def counts(site: Site) -> dict[str, Counter[str]]:
    """Return how many headline claims of each paper have which verdict."""
    found: dict[str, Counter[str]] = {}
    for row in site.claims.values():
        slug = str(row.get("paper_slug") or "")
        if slug and row.get("source") == "headline":
            found.setdefault(slug, Counter())[str(row["verdict"])] += 1
    return found


def sheet(site: Site) -> Sheet:
    """Return the table: those with verdicts first, then what was not run, then what is to come."""
    known, told = catalogue(), counts(site)
    columns = (
        Column("paper", "arXiv", right=False, wraps=True),
        *(Column(name) for name in GROUPS),
        Column("state", right=False),
    )
    order = sorted(known, key=lambda slug: (_state(slug, told), slug))
    rows = tuple(_row(slug, known[slug], told) for slug in order)
    started = sum(slug in told for slug in known)
    caption = (
        f"Headline claims by their latest verdict. {started} of {len(known)} papers have been judged here, "
        f"{len(papers())} have methods."
    )
    return Sheet(f"The {len(known)} papers", columns, rows, caption)


STATES = ("judged", "not in a run here", "not yet")


def _state(slug: str, told: Mapping[str, Counter[str]]) -> int:
    return 0 if slug in told else 1 if slug in papers() else 2


def _row(slug: str, about: tuple[str, str], told: Mapping[str, Counter[str]]) -> tuple[Cell, ...]:
    title, arxiv = about
    state = _state(slug, told)
    verdicts = told.get(slug, Counter())
    numbers = (sum(verdicts[word] for word in words) for words in GROUPS.values())
    return (
        Cell(title, f"{slug} · {arxiv}", "strong"),
        *(Cell(f"{n}" if n else "–", value=n, tone="" if n else "mute") for n in numbers),
        Cell(STATES[state], tone="" if not state else "mute"),
    )
