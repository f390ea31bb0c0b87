"""What a reader runs to see a paper's claims judged: `commands` of papers.toml.

A claim is judged within one run. Where claims of a paper stand under conditions that exclude each other, there is a
command for each; a test sees to it that together they leave no published claim of the paper "not run".
What they show is recorded under a name of its own (`make results ARGS=chain_arbitrage`).
"""

import shlex
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

PAPERS = Path(__file__).with_name("papers.toml")

SEVERAL = " Each command is a run, and a claim is judged by the run that holds all that it needs."


def section(paper: Mapping[str, object]) -> list[str]:
    """Return the part of a paper's page with its commands; nothing where none are written down."""
    lines = commands(paper)
    if not lines:
        return []
    intro = f"What the published claims need and no more.{SEVERAL if len(lines) > 1 else ''}"
    block = "\n".join(lines)
    return ["## Run it yourself", intro, f"```\n{block}\n```"]


def commands(paper: Mapping[str, object]) -> tuple[str, ...]:
    """Return a paper's commands."""
    found = paper.get("commands", ())
    assert isinstance(found, list | tuple)
    return tuple(map(str, found))


@cache
def papers() -> dict[str, dict[str, Any]]:
    """Return what is written of every paper, by slug."""
    return tomllib.loads(PAPERS.read_text(encoding="utf-8"))


def recordings(slug: str) -> dict[str, tuple[str, ...]]:
    """Return what `adabench run` is given for each recorded run of a paper, by its name.

    One that runs a whole task is that task's own recorded run, and has no other name.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in commands(papers()[slug]):
        _, _, *words = shlex.split(line)
        task, _, rest = words[0].partition("/")
        if rest == "*":
            continue
        name = f"{task}_{slug.replace('-', '_')}"
        found[name if name not in found else f"{name}_{len(found) + 1}"] = tuple(words)
    return found
