"""Copies of methods that no package brings: a run keeps those of a notebook or a file that it ran."""

from pathlib import Path

FOLDER = "methods"
"""The folder of a run that holds them."""


def copy_of(run: Path, address: str) -> Path:
    """Return where a run keeps its copy of a method."""
    return run / FOLDER / f"{address.replace('/', '_')}.py"
