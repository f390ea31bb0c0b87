"""Checkpoints that a run takes in turn, by its seed, and refuses where they miss their gates."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from adabench.harness.errors import EnvironmentProblem, SelectionError, nearest
from adabench.workloads.agents.substrate.policy_gates import GATES, Gate, misses
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


def refuse_failures(name: str, folder: Path, gates: Sequence[Gate] = GATES) -> None:
    """Make sure that a checkpoint's card says that it passes its gates.

    Raises:
        EnvironmentProblem: naming what it misses.
    """
    card = folder / f"{name}.json"
    figures = json.loads(card.read_text(encoding="utf-8")).get("dev", {}) if card.exists() else {}
    missed = misses(figures, gates)
    if missed:
        raise EnvironmentProblem(
            f"The checkpoint {name} is not used, for it misses its gates: {'; '.join(missed)}.",
            f"Train another one (adabench train '{name.rpartition('-s')[0]}-s*'), or choose another one.",
        )
