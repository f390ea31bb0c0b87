"""A training as a recipe: a file with all that was pruned out of one model, and a card with its figures.

`dev` is of the file as it is shipped: errors on pictures for calibration, whose prompts no training saw.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adabench.workloads.depth_width.draw.methods.aptp import train_pruned
from adabench.workloads.depth_width.draw.methods.aptp.architecture_codes import router_of
from adabench.workloads.depth_width.draw.methods.aptp.train_pruned import Plan
from adabench.workloads.depth_width.draw.substrate.diffusion import spread_noise
from adabench.workloads.depth_width.draw.substrate.gated_unet import shares
from adabench.workloads.depth_width.draw.substrate.prompted_pictures import digest, draw, encode
from adabench.workloads.depth_width.draw.substrate.trained_arms import Arm, restored_arm, stored
from adabench.workloads.depth_width.draw.substrate.training_names import (
    BUDGETS,
    FORECAST_S,
    PER_SAMPLE,
    SHORT,
    SINGLE,
    WHOLE,
    tuned,
)
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.recipe_card import Gate, ship

CALIBRATION, CALIBRATION_SEED = 512, 79
GATES = (
    Gate("whole", "the whole model denoises", high=0.3),
    Gate(
        "pruned_ratio",
        "pruning costs something, so that there is something to win",
        low=1.02,
        high=3.0,
    ),
)


@dataclass(frozen=True)
class PrunedRecipe(Plan):
    """A plan that is trained, written and measured."""

    forecast_s: int = FORECAST_S

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train it, and write weights and card into a folder; return the card.

        Raises:
            EnvironmentProblem: if a gate is missed.
        """
        folder.mkdir(parents=True, exist_ok=True)
        whole, arms, facts = train_pruned.train(self, progress)
        file = stored(whole, arms)
        return ship(
            self, file, folder, lambda: figures(self, file), [train_pruned],
            gates=GATES, facts={"pictures": digest(), **facts},
        )  # fmt: skip


@torch.no_grad()
def figures(plan: Plan, file: dict[str, torch.Tensor]) -> dict[str, float]:
    """Return errors of a file's arms, each at what it costs, on pictures for calibration."""
    weights = {key: value.float() for key, value in file.items()}
    pictures = draw(plan.source, "calibration", CALIBRATION, CALIBRATION_SEED)
    given = spread_noise(pictures.images, torch.Generator().manual_seed(CALIBRATION_SEED))
    prompts, side, found = encode(pictures.prompts, plan.source), pictures.images.shape[-1], {}
    names = [
        WHOLE,
        *SINGLE,
        "aptp",
        *(tuned(n, b) for n in SHORT for b in BUDGETS[:-1]),
        PER_SAMPLE,
    ]
    with checkpoints.one_thread():
        for name in names:
            arm = restored_arm(weights, name)
            codes, gates = _chosen(arm, prompts, alone=name == PER_SAMPLE)
            errors = torch.empty(len(prompts))
            for code, network in enumerate(arm.networks):
                own = codes == code
                cut = gates[own] if name == PER_SAMPLE else None
                read = network(given.x[own], given.time[own], prompts[own], cut)
                errors[own] = (read.velocity - given.velocity[own]).square().mean((1, 2))
            found[name] = round(float(errors.mean()), 5)
            found[f"{name}_share"] = round(float(shares(gates, side).mean()), 4)
    found["pruned_ratio"] = round(found["single"] / found[WHOLE], 4)
    return found


def _chosen(arm: Arm, prompts: Tensor, *, alone: bool) -> tuple[Tensor, Tensor]:
    """Return the network of each prompt, [n], and its structure, [n, GATES]."""
    codes = torch.zeros(len(prompts), dtype=torch.long)
    if alone:
        return codes, router_of(arm.router).own_structures(prompts)
    if arm.router:
        codes = router_of(arm.router).route(prompts)
    return codes, arm.structures[codes]
