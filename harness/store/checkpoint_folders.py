"""Where a checkpoint lies: among the shipped files of its task, or in the user's cache.

    workloads/.../TASK/checkpoints/    shipped: part of the source, and of the wheel
    CACHE/checkpoints/TASK/            what `adabench train` made that is not shipped

Who reads a checkpoint looks in this order. A checkpoint is weights and a card, `NAME.json`.
"""

import os
from pathlib import Path

from adabench.harness.store.prepared_states import cached_checkpoints

CARD = ".json"
_INSTALLED = frozenset(("site-packages", "dist-packages"))


def home(file: str, shipped: Path) -> Path:
    """Return the folder that a file of weights is read from: the shipped one, else the cached."""
    return shipped if (shipped / file).exists() else cached_checkpoints(shipped.parent)


def holds(folder: Path, name: str) -> bool:
    """Say whether a folder holds a checkpoint whole: its weights and its card."""
    card = folder / f"{name}{CARD}"
    # One look at what is missing: whoever lists thousands of recipes asks as often.
    return card.is_file() and {path.name == card.name for path in files_of(folder, name)} == {
        True,
        False,
    }


def files_of(folder: Path, name: str) -> list[Path]:
    """Return the files of a checkpoint in a folder: weights first, its card last."""
    found = visible_files(folder, f"{name}.")
    return sorted(found, key=lambda path: (path.name == f"{name}{CARD}", path.name))


def visible_files(folder: Path, beginning: str = "") -> list[Path]:
    """Return the files of a folder that are nobody's drafts; none if it is not there."""
    if not folder.is_dir():
        return []
    # Names first: whoever lists a thousand recipes asks as often, and a look at a file costs most.
    named = (
        entry
        for entry in os.scandir(folder)
        if entry.name.startswith(beginning) and not entry.name.startswith(".")
    )
    return [folder / entry.name for entry in named if entry.is_file()]


def is_writable_source(folder: Path) -> bool:
    """Say whether a folder is part of a source tree that is ours to change, and no installation."""
    return os.access(folder, os.W_OK) and _INSTALLED.isdisjoint(folder.resolve().parts)
