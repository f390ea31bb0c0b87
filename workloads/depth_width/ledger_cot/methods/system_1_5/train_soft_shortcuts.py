"""Stage 2 of System-1.5 as published: routers and adapters in a soft mixture, on a frozen student.

    h_l = w g_l(h_(l-1)) + (1 - w) f_l(h_(l-1))      in every layer from the second on, all steps

    loss = cross-entropy of the answer
         + smooth L1 between each step's final state and the full path's, both normed
         + 10 x cross-entropy of w against "not critical", in every layer from the second on

No step leaves in training; leaving and handing over are the threshold's work in inference alone. Batch, rate,
steps and the weight of the third term are those of `train_shortcuts.py`: the paper's are not public.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adabench.workloads.depth_width.ledger_cot.methods.system_1_5.train_plain_student import (
    PlainStudentRecipe,
)
from adabench.workloads.depth_width.ledger_cot.methods.system_1_5.train_shortcuts import (
    BATCH,
    Walk,
    full_path,
    held_out,
    trainer_of,
)
from adabench.workloads.depth_width.ledger_cot.substrate.shortcuts import Shortcuts, Shortened
from adabench.workloads.depth_width.ledger_cot.substrate.train_student import (
    Lesson,
    lesson,
    opening,
)
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.int8_packing import HALVES
from adabench.workloads.shared.training.trainer import seeded, silent

KIND = "soft"
_STREAM = 71
_NEVER = 2.0
"""A threshold that no share of a sigmoid exceeds."""


@dataclass(frozen=True)
class SoftShortcutRecipe:
    """Routers and adapters on a plain latent student, from which seed."""

    name: str
    base: PlainStudentRecipe
    seed: int
    home: Path
    steps: int = 250
    forecast_s: int = 40

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train them on the student, which is read from where it is shipped."""
        parts = train(self.base.load(), self.seed, self.steps, progress)
        checkpoints.write(parts.state_dict(), folder / f"{self.name}{SUFFIX}", levels=HALVES)
        return checkpoints.describe(self, folder, held_out=held_out(self.load(folder)))

    def load(self, folder: Path | None = None) -> Shortened:
        """Return the student with its shortcuts, in fp32."""
        weights, model = checkpoints.weights(self, folder), self.base.load()
        parts = Shortcuts(model.shape.width, model.shape.layers)
        parts.load_state_dict(weights)
        return Shortened(model, parts.eval().requires_grad_(False), KIND)


class SoftWalk(Walk):
    """Latent steps that run all layers, each mixed with its adapter."""

    def may(self, depth: int, handed: Tensor) -> Tensor:
        """Return that a trivial step is taught to leave after any layer, [n]."""
        del depth
        return torch.ones_like(handed)


def train(student: Backbone, seed: int, steps: int, progress: Progress = silent) -> Shortcuts:
    """Train routers and adapters; the student is left as it is."""
    with seeded(_STREAM * 1000 + seed):
        made = Shortcuts(student.shape.width, student.shape.layers)
        generator = np.random.Generator(np.random.PCG64((_STREAM, seed)))
        trainer_of(made, steps).fit(
            lambda step: loss(student, made, lesson(generator, 1, 1.0, BATCH)), steps, progress
        )
    return made.eval().requires_grad_(False)


def loss(student: Backbone, made: Shortcuts, taught: Lesson) -> Tensor:
    """Return the three terms of stage 2 for one batch."""
    critical = torch.from_numpy(taught.posed.keys.critical[:, : taught.latent])
    with torch.no_grad():
        state, past = opening(student, taught)
        wanted = full_path(student, state, past, taught.latent)
        state, past = opening(student, taught)
    plan = torch.full((*critical.shape, 2), -1)
    return SoftWalk(student, made, KIND, past, _NEVER).loss(state, plan, critical, wanted, taught)
