"""What a reader runs to see a paper's claims judged: `commands` of papers.toml.

A claim is judged within one run. Where claims of a paper stand under conditions that exclude each other, there is a
command for each; a test sees to it that together they leave no published claim of the paper "not run".
"""

from collections.abc import Mapping

SEVERAL = " Each command is a run, and a claim is judged by the run that holds all that it needs."


def section(paper: Mapping[str, object]) -> list[str]:
    """Return the part of a paper's page with its commands; nothing where none are written down."""
    lines = commands(paper)
    if not lines:
        return []
    intro = (
        f"What the published claims need and no more: about {paper['minutes']} min on two cores."
        f"{SEVERAL if len(lines) > 1 else ''}"
    )
    block = "\n".join(lines)
    return ["## Run it yourself", intro, f"```\n{block}\n```"]


def commands(paper: Mapping[str, object]) -> tuple[str, ...]:
    """Return a paper's commands."""
    found = paper.get("commands", ())
    assert isinstance(found, list | tuple)
    return tuple(map(str, found))
