"""Stage 1 of System-1.5 as published: a latent student that nothing prepares for shortcuts.

The student, its curriculum, its losses and its steps are those of `train_student.py`, less what the
paper does not have: no step is handed over in training, and no head reads which steps are critical.

    loss = cross-entropy of the language that follows the latent steps (weight 3 on the answer)
         + cross-entropy of each step's result, as the head reads the student's state
         + smooth L1 between the student's state after step k and the teacher's at step k

The second term is ours: with the other two alone a student of this size learns the states and no
answer within minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.ledger_cot.methods.system_1_5.train_shortcuts import full_path
from adabench.workloads.depth_width.ledger_cot.substrate import train_student
from adabench.workloads.depth_width.ledger_cot.substrate.masked_forward import block, nothing
from adabench.workloads.depth_width.ledger_cot.substrate.train_student import (
    ALIGNED,
    RATE,
    RESULT,
    STAGED,
    Lesson,
    language_loss,
    lesson,
    opening,
    schedule,
)
from adabench.workloads.depth_width.ledger_cot.substrate.train_teacher import TeacherRecipe
from adabench.workloads.depth_width.substrate import checkpoints, train_backbone
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX, Progress, silent
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread

_STREAM = 67


@dataclass(frozen=True)
class PlainStudentRecipe:
    """A latent student of a backbone that speaks, from which seed."""

    name: str
    base: TeacherRecipe
    """The teacher."""
    seed: int
    home: Path
    steps: int = 1100
    forecast_s: int = 140

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train it on its teacher, which is its reference too."""
        teacher = self.base.load()
        student = train(teacher, self.seed, self.steps, progress)
        path = folder / f"{self.name}{SUFFIX}"
        checkpoints.write(student.state_dict(), path, reference=teacher.state_dict())
        held_out = train_student.held_out(self.load(folder))
        return checkpoints.describe(self, folder, held_out=held_out)

    def load(self, folder: Path | None = None) -> Backbone:
        """Return the model in fp32."""
        model = self.base.load()
        reference = dict(model.state_dict())
        model.load_state_dict(checkpoints.weights(self, folder, reference=reference))
        return model.eval().requires_grad_(False)


def train(teacher: Backbone, seed: int, steps: int, progress: Progress = silent) -> Backbone:
    """Train a student from a teacher; return it in evaluation mode."""
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(_STREAM * 1000 + seed)
        student = Backbone(teacher.shape)
        student.load_state_dict(teacher.state_dict())
        optimiser = torch.optim.AdamW(
            student.parameters(),
            lr=RATE,
            betas=train_backbone.BETAS,
            weight_decay=train_backbone.WEIGHT_DECAY,
            fused=True,
        )
        for step, taught in enumerate(_lessons(seed, steps)):
            for group in optimiser.param_groups:
                group["lr"] = RATE * schedule(step, steps)
            optimiser.zero_grad()
            torch.autograd.backward(loss(teacher, student, taught))
            nn.utils.clip_grad_norm_(student.parameters(), train_backbone.CLIP)
            optimiser.step()
            progress(step + 1, steps)
    return student.eval().requires_grad_(False)


def _lessons(seed: int, steps: int) -> Iterator[Lesson]:
    """Yield lessons; every third is one with a latent step for two operations."""
    generator = np.random.Generator(np.random.PCG64((_STREAM, seed)))
    for step in range(steps):
        yield lesson(generator, 2 if step % 3 == 2 else 1, step / steps / STAGED)


def loss(teacher: Backbone, student: Backbone, taught: Lesson) -> Tensor:
    """Return the three terms of stage 1 for one batch."""
    tokens, ends = taught.tokens, [taught.end(k) - RESULT for k in range(1, taught.latent + 1)]
    state, past = opening(student, taught)
    states = full_path(student, state, past, taught.latent)
    results = tokens[:, [end + 1 for end in ends]]
    said = F.cross_entropy(student.head(states).flatten(0, 1), results.flatten())
    some = slice(len(tokens) // ALIGNED)
    with torch.no_grad():
        heard = block(teacher, teacher.embed(tokens[some, : ends[-1] + 1]), nothing(teacher))
        wanted = teacher.norm(heard[:, ends])
    return said + F.smooth_l1_loss(states[some], wanted) + language_loss(student, taught, past)
