"""The knob `training`: whether a preparation trains its checkpoint once more.

    training=shipped     the checkpoint is read (the default)
    training=anew        its recipe is trained from its seed first, and the result thrown away

A recipe makes the same weights again, so what is solved with is the shipped file either way; what
differs is what the preparation took, and that stands in its record (`prepare_cpu_s`).
"""

from typing import Protocol

from adabench.harness.contract.card import Point
from adabench.harness.errors import SelectionError


class Trainer(Protocol):
    """What a task offers that can train its checkpoints once more."""

    def train_anew(self, base: str, /) -> None:
        """Train a checkpoint such as `informed-75` and keep nothing of it."""
        ...


def train_if_asked(task: Trainer, base: str, point: Point) -> None:
    """Train a checkpoint once more where the point says so.

    Raises:
        SelectionError: for another word than `shipped` and `anew`.
    """
    asked = point.get("training", "shipped")
    if asked == "anew":
        task.train_anew(base)
    elif asked != "shipped":
        raise SelectionError(f"training={asked} says nothing.", "Choose training=shipped or anew.")


def trained_with_coins(point: Point) -> bool:
    """Say whether weights of the coins' own are asked for.

    Raises:
        SelectionError: for another word than `method` and `coins`.
    """
    asked = point.get("weights", "method")
    if asked not in ("method", "coins"):
        raise SelectionError(f"weights={asked} says nothing.", "Choose weights=method or coins.")
    return asked == "coins"
