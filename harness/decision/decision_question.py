"""A question of the user's about two methods of a task, as a claim that is decided."""

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from adabench.harness.analysis.reproduction import Part, Run, Statement
from adabench.harness.contract import registry
from adabench.harness.contract.claim import Scale
from adabench.harness.contract.question import GRAMMAR, DecisionQuestion
from adabench.harness.decision.open_claim import OpenClaim
from adabench.harness.errors import SelectionError, nearest


def open_question(
    question: DecisionQuestion, task: str, fixed: Sequence[str], scale: str
) -> OpenClaim:
    """Return a question about two methods of a task, under conditions that are pinned.

    Raises:
        SelectionError: if the task has no such metric, method or scale, or one rival is both.
    """
    card = registry.find(task).card
    own_scale = next(
        (name for name in get_args(Scale) if name == scale and name in card.scales), None
    )
    if own_scale is None:
        raise SelectionError(f"{task} has no scale {scale!r}.", f"It has {', '.join(card.scales)}.")
    metrics = {metric.name: metric for metric in card.metrics}
    if question.metric not in metrics:
        raise SelectionError(
            f"{task} has no metric {question.metric!r}.", nearest(question.metric, metrics)
        )
    if question.method == question.rival:
        raise SelectionError(f"{question.method} is not held against itself.", f"Write {GRAMMAR}.")
    own = registry.find(f"{task}/{question.method}")
    rival = registry.find(f"{task}/{question.rival}")
    words = [word for pair in fixed for word in ("--set", pair)]
    part = Part((own.address, rival.address), ("--no-sweep", "--alone", "--scale", scale, *words))
    return OpenClaim(Statement(own, replace(question.claim, scale=own_scale)), (Run((part,)),))
