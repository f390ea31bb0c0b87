"""Trains routing-path predictors: binary cross-entropy to the experts that the model runs, on texts that it was trained on.

The paths of some passages of each domain are taken down once; then AdamW at 3e-3, a rise of 40 steps, a line down to 0, over
passages of these by lot. A card says what share of a byte's experts the file as it is shipped names, on calibration texts.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.moe.offload.methods.expertflow import path_predictor
from adabench.workloads.moe.offload.methods.expertflow.path_predictor import (
    FORECAST_S,
    PathPredictor,
    recall,
)
from adabench.workloads.moe.offload.substrate.decoding import SHAPE
from adabench.workloads.moe.offload.substrate.offload_bench import calibration_paths, routed_paths
from adabench.workloads.moe.substrate.byte_corpus import DOMAINS, digest, passages
from adabench.workloads.shared.training import weight_packing
from adabench.workloads.shared.training.checkpoints import Progress, one_thread
from adabench.workloads.shared.training.recipe_card import ship
from adabench.workloads.shared.training.schedule import trapezoid
from adabench.workloads.shared.training.trainer import Trainer, seeded

STEPS, BATCH, TRACES = 1600, 12, 640
"""Of a training, passages of a step, and passages of a domain."""
LEVELS = 63
"""Whole-number steps of a file, either way."""
RATE, WARM_UP, CLIP = 3e-3, 40.0, 1.0


@dataclass(frozen=True)
class PathRecipe:
    """What to train, from which seed, on the paths of the model of the same seed."""

    name: str
    seed: int
    steps: int = STEPS
    traces: int = TRACES
    """Passages of each domain whose paths are taken down."""
    forecast_s: int = FORECAST_S

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train it, write weights and card into a folder, and return the card.

        Raises:
            EnvironmentProblem: if the model of its seed was not trained yet.
        """
        folder.mkdir(parents=True, exist_ok=True)
        packed = weight_packing.packed(self._trained(progress), LEVELS)
        return ship(
            self, packed, folder, lambda: held_out(self.seed, packed), [sys.modules[__name__]],
            under="held_out", facts={"corpus": digest()},
        )  # fmt: skip

    def _trained(self, progress: Progress) -> dict[str, Tensor]:
        tokens, paths = traces(self.seed, self.traces)
        with seeded(self.seed):
            model = PathPredictor()
            optimiser = torch.optim.AdamW(
                model.parameters(), lr=RATE, betas=(0.9, 0.98), fused=True
            )

            def loss(step: int) -> Tensor:
                del step
                drawn = torch.randint(len(tokens), (BATCH,))
                wanted = paths[drawn].flatten(2).float()
                return F.binary_cross_entropy_with_logits(model(tokens[drawn]), wanted)

            schedule = trapezoid(self.steps, WARM_UP, decay_from=0.0, last=0.0)
            Trainer(optimiser, schedule=schedule, clip=CLIP).fit(loss, self.steps, progress)
            return {name: value.detach().clone() for name, value in model.state_dict().items()}


def traces(seed: int, count: int) -> tuple[Tensor, Tensor]:
    """Return passages of all domains [n, T], and the experts that the model of a seed runs for them, [n, T, layers, E]."""
    drawn = [passages(one, "train", count, SHAPE.length, seed)[:, :-1] for one in DOMAINS]
    tokens, paths_of = torch.from_numpy(np.concatenate(drawn)), routed_paths(seed)
    return tokens, torch.cat([paths_of(part) for part in torch.split(tokens, BATCH)])


def held_out(seed: int, packed: dict[str, Tensor]) -> dict[str, float]:
    """Return by domain the share of experts that the predictor names with as many as a byte runs."""
    tokens, paths = map(torch.tensor, calibration_paths(seed))
    found, each = path_predictor.of_weights(packed), len(tokens) // len(DOMAINS)
    with one_thread():
        return {
            f"recall_{domain}": round(recall(found, read, own, SHAPE.chosen), 4)
            for domain, read, own in zip(
                DOMAINS, torch.split(tokens, each), torch.split(paths, each), strict=True
            )
        }
