"""Checkpoints: packed safetensors with a JSON card beside each, rebuilt from seeds.

A card says which recipe made the file, a digest of the code that made it, the digest of the corpus, and what the
file as it is shipped takes a byte of calibration texts for, by domain.
"""

from pathlib import Path
from typing import Any

import torch

from adabench.workloads.moe.experts.recipes import FOLDER, LEVELS, SHAPES, Recipe, recipes
from adabench.workloads.moe.experts.substrate.trained_models import trained
from adabench.workloads.moe.experts.training import train_bytes
from adabench.workloads.moe.substrate.byte_corpus import DOMAINS, digest, passages
from adabench.workloads.moe.substrate.byte_model import nats, tensors
from adabench.workloads.shared.training import checkpoints, weight_packing
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.recipe_card import ship

HELD_OUT = 64
"""Passages of a domain that a file is scored on."""


def train(
    name: str, progress: Progress = lambda done, steps: None, *, folder: Path = FOLDER
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    Raises:
        SelectionError: if there is no recipe of that name.
    """
    recipe = checkpoints.find_recipe(name, recipes())
    folder.mkdir(parents=True, exist_ok=True)
    weights = weight_packing.packed(train_bytes.train(recipe, progress), LEVELS)
    return ship(
        recipe, weights, folder, lambda: held_out(recipe, folder), [train_bytes],
        under="held_out", facts={"corpus": digest()},
    )  # fmt: skip


@torch.no_grad()
def held_out(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Return nats a byte by domain, and the largest load over the mean, by layer, within a domain."""
    with checkpoints.one_thread():
        model = trained(recipe.name, recipe.kind, folder)
        found: dict[str, Any] = {}
        for domain in DOMAINS:
            windows = passages(domain, "calibration", HELD_OUT, SHAPES[recipe.kind].length)
            shown, following = tensors(windows)
            read = model(shown)
            found[f"nats_{domain}"] = round(float(nats(read.logits, following).mean()), 4)
            found[f"load_{domain}"] = [
                round(max(sizes) * len(sizes) / sum(sizes), 2) for sizes in read.counted.sizes
            ]
    return found
