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
from adabench.workloads.depth_width.draw.substrate.diffusion import Noisy, spread_noise
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
)
from adabench.workloads.shared.training import checkpoints, weight_packing
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
        exam = Exam.of(self.source)
        curves: dict[str, dict[str, float]] = {name: {} for name in SHORT}
        for (name, budget), arm in arms.items():
            if name in SHORT:
                curves[name][str(budget)] = exam.error(name, arm)[0]
        file = stored(
            whole, {name: arm for (name, budget), arm in arms.items() if budget == BUDGETS[-1]}
        )
        return ship(
            self, file, folder, lambda: figures(exam, file), [train_pruned],
            gates=GATES, facts={"pictures": digest(), **facts, "curves": curves},
        )  # fmt: skip


@dataclass(frozen=True)
class Exam:
    """Pictures for calibration, whose prompts no training saw, with noise."""

    given: Noisy
    prompts: Tensor

    @classmethod
    def of(cls, source: str) -> "Exam":
        """Draw them."""
        pictures = draw(source, "calibration", CALIBRATION, CALIBRATION_SEED)
        random = torch.Generator().manual_seed(CALIBRATION_SEED)
        return cls(spread_noise(pictures.images, random), encode(pictures.prompts, source))

    @torch.no_grad()
    def error(self, name: str, arm: Arm) -> tuple[float, float]:
        """Return how an arm errs, and the share of multiplications that it took."""
        given, errors = self.given, torch.empty(len(self.prompts))
        codes, gates = _chosen(arm, self.prompts, alone=name == PER_SAMPLE)
        with checkpoints.one_thread():
            for code, network in enumerate(arm.networks):
                own = codes == code
                cut = gates[own] if name == PER_SAMPLE else None
                read = network(given.x[own], given.time[own], self.prompts[own], cut)
                errors[own] = (read.velocity - given.velocity[own]).square().mean((1, 2))
        share = float(shares(gates, given.x.shape[-1]).mean())
        return round(float(errors.mean()), 5), round(share, 4)


def figures(exam: Exam, file: dict[str, Tensor]) -> dict[str, float]:
    """Return errors of a file's arms, each at what it costs."""
    weights, found = weight_packing.unpacked(file), {}
    for name in (WHOLE, *SINGLE, "aptp", PER_SAMPLE):
        found[name], found[f"{name}_share"] = exam.error(name, restored_arm(weights, name))
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
