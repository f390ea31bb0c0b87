"""The papers that are reproduced: title, arXiv number, and the commands that judge what they claim.

They stand in `workloads/papers.toml`, by slug. A method belongs to a paper whose slug its card names.
A paper has `commands` where runs that decide its published claims were cut to a few minutes by hand;
a test sees to it that together they leave none of these claims "not run".
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from adabench.harness.contract import registry

FILE = "papers.toml"
ARXIV = re.compile(r"\d{4}\.\d{4,5}")
FEWEST_LETTERS = 4
"""Of a part of a title: fewer fit too many."""


@dataclass(frozen=True)
class Paper:
    """A paper, by the short name that its methods' cards give."""

    slug: str
    title: str
    arxiv: str
    """Its number: `2502.13575`."""
    commands: tuple[str, ...] = ()
    """`adabench run ...`, each a run; empty where they follow from the claims."""


@cache
def papers() -> Mapping[str, Paper]:
    """Return every paper by its slug."""
    found = {
        slug: Paper(slug, about["title"], about["arxiv"], tuple(about.get("commands", ())))
        for root in registry.roots()
        if (root / FILE).is_file()
        for slug, about in tomllib.loads((root / FILE).read_text(encoding="utf-8")).items()
    }
    return MappingProxyType(found)


def find_papers(words: str) -> list[Paper]:
    """Return the papers that a slug, an arXiv number (or address) or a part of a title speaks of."""
    text, number = words.strip().lower(), ARXIV.search(words)
    if number:
        return [paper for paper in papers().values() if paper.arxiv == number[0]]
    if text in papers():
        return [papers()[text]]
    if len(text) < FEWEST_LETTERS:
        return []
    return [paper for paper in papers().values() if text in paper.title.lower()]
