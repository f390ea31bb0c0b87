"""What is fitted to a policy, written down with what it is worth: heads, tables of strategies, responses."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from adabench.workloads.shared.sources.model_spec import model_spec
from adabench.workloads.shared.training.checkpoints import Progress, one_thread
from adabench.workloads.shared.training.recipe_card import ship
from adabench.workloads.test_time.text.recipes import FOLDER, BankRecipe, recipe_named
from adabench.workloads.test_time.text.substrate.vote_plan import weights_of
from adabench.workloads.test_time.text.training import (
    train_bank,
    train_responses,
    train_state_judge,
    train_votes,
)

TRAINERS: Mapping[str, ModuleType] = {
    "judge": train_state_judge, "table": train_votes, "responses": train_responses,
}  # fmt: skip


def train(
    name: str,
    progress: Progress = lambda done, steps: None,
    *,
    folder: Path = FOLDER,
    model: str = "",
    draft: str = "",
) -> dict[str, Any]:
    """Fit what a recipe says to the model that its name says; return the card.

    `model` and `draft` are what the recipes were looked up for; the name holds them already.

    Raises:
        SelectionError: if it names no model that shows its states.
        EnvironmentProblem: if the model cannot be opened, or is never or always right.
    """
    del model, draft
    plan = recipe_named(name)
    if isinstance(plan, BankRecipe):
        with one_thread():
            return train_bank.train(plan, folder, progress)
    trainer = TRAINERS[plan.kind]
    with one_thread():
        fitted, dev = trainer.train(plan, model_spec(plan.model), progress)
    folder.mkdir(parents=True, exist_ok=True)
    single = {k: v.float() if v.dtype == torch.float64 else v for k, v in fitted.items()}
    weights = {k: v.contiguous() for k, v in single.items()}
    return ship(plan, weights, folder, lambda: dev, [trainer], facts={"weights": weights_of(plan)})
