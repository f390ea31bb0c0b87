"""How responses are gathered on `text`: a model and its draft, with 1 and 4 votes, answer sums of `train`.

Each configuration answers each sum in a session of its own, as a method would have it answer in a run
(`configurations.collect_responses`); no run asks these sums. Written down are which answers were right, words
and FLOPs, and of each prompt where it lies along a few axes: the directions in which the mean states of these
prompts, as the draft reads them, differ most. Forty questions tell no weight for each of 576 numbers.

**How good**, in the card: the accuracy and the mean MFLOP of each configuration, and the share of the
states' variance that the axes have.
"""

import numpy as np
import torch
from torch import Tensor

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.sources.model_spec import ModelSpec
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.test_time.substrate.configurations import (
    SHIPPED_AS,
    Floats,
    collect_responses,
    prompt_state,
    worth,
)
from adabench.workloads.test_time.text.recipes import Recipe
from adabench.workloads.test_time.text.substrate.configuration_pool import CONFIGURATIONS
from adabench.workloads.test_time.text.substrate.text_task import GradedText
from adabench.workloads.test_time.text.task import of_practice

LEVEL = "digit-1..2"
"""Sums of one and of two steps in turn: what runs with a pool are asked."""
AXES = 8


def train(
    plan: Recipe, spec: ModelSpec, progress: Progress
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Let both answer; return the responses, and what each configuration is worth.

    Raises:
        SelectionError: for a server, which shows no states and takes no draft.
        CapabilityMissing: for a model that has no draft.
    """
    if spec.is_served:
        raise SelectionError(
            f"{spec} shows no states and takes no draft, so there is no pool.",
            "Name hf:NAME or smollm2.",
        )
    task = of_practice(plan.model, plan.seed, plan.steps, LEVEL, plan.draft)
    questions = tuple(task.cases())
    found = collect_responses(task, CONFIGURATIONS, questions, progress)
    states = np.stack([_state(task, question) for question in questions])
    axes, share = principal_axes(states)
    responses = {
        "axes": torch.from_numpy(axes),
        "states": torch.from_numpy(states @ axes.astype(np.float64)).float(),
        "lengths": torch.tensor([len(one.prompt) for one in questions]).to(torch.int16),
        **{name: torch.from_numpy(found[name].astype(kind)) for name, kind in SHIPPED_AS.items()},
    }
    return responses, worth(CONFIGURATIONS, found) | {"variance of states": round(share, 4)}


def _state(task: GradedText, question: Question) -> Floats:
    with task.session(question, pooled=True) as session:
        states = session.hidden(session.open(), 0)
    return prompt_state(states)


def principal_axes(states: Floats) -> tuple[np.ndarray, float]:
    """Return the directions [width, AXES] in which states [n, width] differ most, and their share of it.

    They are in half precision, as they are stored, and point to where their largest number is positive.
    """
    _, sizes, directions = np.linalg.svd(states - states.mean(axis=0), full_matrices=False)
    axes = directions[:AXES]
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[np.arange(len(axes)), largest])[:, None]
    share = float((sizes[:AXES] ** 2).sum() / max((sizes**2).sum(), np.finfo(float).tiny))
    return axes.T.astype(np.float16), share
