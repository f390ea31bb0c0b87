"""A model thinned for good: some units are replaced by forecasts, for everyone.

What routed models are compared with, trained as they are: forecasters of the same rank and start, the same
data, steps, rate and loss, the backbone frozen, and no router. Units go by elimination: the one whose
closed-form forecast moves the model's predictions least on calibration sequences goes next, given those that
are gone. (Units stand in for one another, so judging each alone makes no fair rival.) A thinned unit is one
whose router has no weight and a negative constant.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.llama_decoder import closed_form_fit
from adabench.workloads.depth_width.substrate.stream import draw
from adabench.workloads.depth_width.substrate.train_backbone import (
    BackboneRecipe,
    Batch,
    answer_loss,
    even_batches,
)
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import (
    Fitted,
    Kind,
    Parts,
    restored,
    stays,
)
from adabench.workloads.depth_width.substrate.units.unit_reader import held_out
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.schedule import cosine
from adabench.workloads.shared.training.trainer import Trainer, seeded

RATE, CLIP = 5e-3, 1.0
CALIBRATION_SEED, CALIBRATION = 555, 200
KIND: Kind = "static"
_STREAM = 31  # the streams of the routed kinds


@dataclass(frozen=True)
class ThinningRecipe:
    """Forecasts that replace the same units for everybody, from which seed."""

    name: str
    base: BackboneRecipe
    seed: int
    home: Path
    sparsity: float
    """Share of the units that are to be replaced."""
    rank: int = 8
    steps: int = 200
    forecast_s: int = 35

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Choose units, train what stands in for them, and write both."""
        parts = train(self, self.base.load(), progress)
        weights = checkpoints.below("parts.", parts.state_dict())
        checkpoints.write(weights, folder / f"{self.name}{SUFFIX}")
        return checkpoints.describe(self, folder, held_out=held_out(self.load(folder)))

    def load(self, folder: Path | None = None) -> Fitted:
        """Return the backbone with its parts, in fp32."""
        return restored(self.base.load(), KIND, self.rank, checkpoints.weights(self, folder))


def train(plan: ThinningRecipe, base: Backbone, progress: Progress) -> Parts:
    """Choose a plan's units and train what stands in for them."""
    with seeded(_STREAM * 1000 + plan.seed):
        parts = Parts(KIND, plan.rank, base.shape.width, 2 * base.shape.layers)
        _start(plan, base, parts)
        _fit(plan, base, parts, progress)
    return parts.eval().requires_grad_(False)


@torch.no_grad()
def _start(plan: ThinningRecipe, base: Backbone, parts: Parts) -> None:
    """Fit forecasters in closed form, and thin units one by one."""
    generator = np.random.Generator(np.random.PCG64(CALIBRATION_SEED))
    inputs = torch.from_numpy(np.ascontiguousarray(draw(generator, CALIBRATION).inputs))

    def fit(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        y = output()
        found = closed_form_fit.regress(x.flatten(0, 1), y.flatten(0, 1), plan.rank)
        parts.narrow[unit].get_parameter("weight").copy_(found.narrow.T)
        parts.wide[unit].get_parameter("weight").copy_(found.wide.T)
        parts.wide[unit].get_parameter("bias").copy_(found.constant)
        return y

    whole = base.head(base.norm(unit_forward.soft(base, inputs, fit))).log_softmax(-1)
    count = 2 * base.shape.layers
    gone: set[int] = set()
    while len(gone) < round(plan.sparsity * count):
        left = [unit for unit in range(count) if unit not in gone]
        moved = {
            unit: _moved(base, parts, frozenset({*gone, unit}), inputs, whole) for unit in left
        }
        gone.add(min(moved, key=moved.__getitem__))
    for unit in range(count):
        parts.routers[unit].get_parameter("weight").zero_()
        parts.routers[unit].get_parameter("bias").fill_(-1.0 if unit in gone else 1.0)


def _moved(
    base: Backbone,
    parts: Parts,
    gone: frozenset[int],
    inputs: Tensor,
    whole: Tensor,
) -> float:
    """Return how far predictions are from the whole model's, in nats a position."""
    said = base.head(base.norm(unit_forward.soft(base, inputs, _without(parts, gone)))).log_softmax(
        -1
    )
    apart = F.kl_div(said, whole, reduction="none", log_target=True).sum(-1)
    return float(apart.mean())


def _without(parts: Parts, gone: frozenset[int]) -> unit_forward.Mix:
    def mix(unit: int, x: Tensor, output: unit_forward.Output) -> Tensor:
        predicted = parts.forecast(unit, x) if unit in gone else None
        return output() if predicted is None else predicted

    return mix


def _fit(plan: ThinningRecipe, base: Backbone, parts: Parts, progress: Progress) -> None:
    gone = [unit for unit in range(2 * base.shape.layers) if not stays(parts, unit)]
    trained = [
        weight
        for unit in gone
        for module in (parts.narrow[unit], parts.wide[unit])
        for weight in module.parameters()
    ]
    optimiser = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.0)
    batches = even_batches(_STREAM, plan.seed)
    trainer = Trainer(optimiser, schedule=cosine(plan.steps), clip=CLIP)
    trainer.fit(
        lambda step: _loss(base, parts, frozenset(gone), next(batches)),
        plan.steps,
        progress,
    )


def _loss(base: Backbone, parts: Parts, gone: frozenset[int], batch: Batch) -> Tensor:
    logits = base.head(base.norm(unit_forward.soft(base, batch.inputs, _without(parts, gone))))
    with torch.no_grad():
        whole = unit_forward.soft(base, batch.inputs, lambda unit, x, output: output())
        goal = base.head(base.norm(whole)).log_softmax(-1)
    apart = F.kl_div(logits.log_softmax(-1), goal, reduction="none", log_target=True).sum(-1)
    return answer_loss(logits, batch) + apart.mean()
