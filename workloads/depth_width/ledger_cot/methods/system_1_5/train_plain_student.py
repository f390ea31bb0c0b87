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

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.ledger_cot.methods.system_1_5.train_shortcuts import full_path
from adabench.workloads.depth_width.ledger_cot.substrate.masked_forward import block, nothing
from adabench.workloads.depth_width.ledger_cot.substrate.train_student import (
    ALIGNED,
    DECAY_FROM,
    RATE,
    RESULT,
    STAGED,
    LatentStudent,
    Lesson,
    language_loss,
    lesson,
    opening,
)
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.train_backbone import trainer_of
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.trainer import seeded, silent

_STREAM = 67


@dataclass(frozen=True)
class PlainStudentRecipe(LatentStudent):
    """A student that nothing prepares for shortcuts."""

    forecast_s: int = 140

    def learn(self, teacher: Backbone, progress: Progress) -> Backbone:
        """Return a student that was taught by its teacher."""
        return train(teacher, self.seed, self.steps, progress)


def train(teacher: Backbone, seed: int, steps: int, progress: Progress = silent) -> Backbone:
    """Train a student from a teacher; return it in evaluation mode."""
    with seeded(_STREAM * 1000 + seed):
        student, lessons = Backbone(teacher.shape), _lessons(seed, steps)
        student.load_state_dict(teacher.state_dict())
        trainer = trainer_of(list(student.parameters()), steps, RATE, DECAY_FROM)
        trainer.fit(lambda step: loss(teacher, student, next(lessons)), steps, progress)
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
