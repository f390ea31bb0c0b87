"""Trainings that a run takes in turn, by its seed."""

from collections.abc import Collection
from pathlib import Path

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.shared.training import checkpoints


def trained_names(base: str, known: Collection[str], folder: Path, kind: str) -> list[str]:
    """Return the trainings of a model that are there; the first where none is.

    `known` are the names of recipes, which end in a training seed; `kind` is for errors.

    Raises:
        SelectionError: if there is no such model.
    """
    names = [name for name in known if name.rpartition("-s")[0] == base]
    if not names:
        bases = dict.fromkeys(name.rpartition("-s")[0] for name in known)
        raise SelectionError(f"There is no {kind} {base!r}.", nearest(base, bases))
    return [name for name in names if checkpoints.is_there(name, folder)] or names[:1]
