"""Checkpoints: all arms of a seed in one packed file, and a card with their learning curves.

What a card's curves say is of the weights as they were trained; `held_out` is of the file as it is shipped.
"""

from pathlib import Path
from typing import Any

import torch

from adabench.workloads.moe.denoise.recipes import (
    ARMS,
    EXPERT_LEVELS,
    FOLDER,
    LATER,
    LENGTH,
    LEVELS,
    recipes,
)
from adabench.workloads.moe.denoise.substrate.mask_bench import arm_model, arm_offsets
from adabench.workloads.moe.denoise.substrate.masked_passages import bound, draw
from adabench.workloads.moe.denoise.substrate.routings import arm_route
from adabench.workloads.moe.denoise.training import train_arms
from adabench.workloads.moe.substrate.byte_corpus import digest
from adabench.workloads.shared.training import checkpoints, weight_packing
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.recipe_card import ship

HELD_OUT, HELD_OUT_SEED = 192, 79


def train(
    name: str, progress: Progress = lambda done, steps: None, *, folder: Path = FOLDER
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    Raises:
        SelectionError: if there is no recipe of that name.
    """
    recipe = checkpoints.find_recipe(name, recipes())
    folder.mkdir(parents=True, exist_ok=True)
    weights, facts = train_arms.train(recipe, progress)
    packed = weight_packing.packed(weights, _levels)
    return ship(
        recipe, packed, folder, lambda: held_out(weight_packing.unpacked(packed)), [train_arms],
        under="held_out", facts={"corpus": digest(), **facts},
    )  # fmt: skip


def _levels(name: str) -> int:
    return EXPERT_LEVELS if name.endswith((".inner", ".outer")) else LEVELS


@torch.no_grad()
def held_out(weights: dict[str, torch.Tensor]) -> dict[str, float]:
    """Return by arm the bound in nats a hidden byte on passages for calibration."""
    given, found = draw("calibration", HELD_OUT, HELD_OUT_SEED), {}
    with checkpoints.one_thread():
        for arm in (*ARMS, *LATER):
            model = arm_model(weights, arm)
            route = arm_route(arm, given.ratios.tolist(), LENGTH, arm_offsets(weights, arm))
            read = model(given.shown, route)
            found[arm] = round(float(bound(read.logits, given).mean()), 4)
    return found
