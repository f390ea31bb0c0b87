"""The papers whose methods are still to come: agenda.toml, less those that have come."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from adabench.harness.contract.papers import Paper, papers

FILE = Path(__file__).with_suffix(".toml")


def agenda() -> Mapping[str, Paper]:
    """Return them by slug."""
    entries = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {
        slug: Paper(slug, about["title"], about["arxiv"])
        for slug, about in entries.items() if slug not in papers()
    }  # fmt: skip
