"""Stage 1: a latent student that is taught by the model that speaks its steps.

It starts from the teacher's weights. The question is followed by latent steps (the normed last state is the
next input), then by what is left of the verbose trace, `<answer>` and the answer. Behind `<sep>` one latent
step stands for one step of the trace; behind `<half>` (every third batch) for two.

    loss = cross-entropy of the language that follows the latent steps (weight 3 on the answer)
         + cross-entropy of each step's result, as the head reads the student's state
         + smooth L1 between the student's state after step k and the teacher's at step k
         + cross-entropy of "is the step critical?", a linear head on the state after layer 2

The teacher's state is that at `=`, whose next token is the result; alignment is taken on a quarter of the
questions to save time. The curriculum replaces steps from the left over the first quarter of the run.

**Hand-overs.** From 30 % of the run on, in half of the questions behind `<sep>` each step that does not change
the value stops after layer 2 and hands its state over; a step that was handed over runs to its end. The
paper's stage 1 has neither these nor the head for criticality, which is thrown away.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.ledger_cot.substrate import traces
from adabench.workloads.depth_width.ledger_cot.substrate.masked_forward import (
    Past,
    Walked,
    block,
    nothing,
    walk,
)
from adabench.workloads.depth_width.ledger_cot.substrate.traces import ANSWER, HALF, Reckoned
from adabench.workloads.depth_width.ledger_cot.substrate.train_teacher import TeacherRecipe
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.stream import Bools
from adabench.workloads.depth_width.substrate.train_backbone import ANSWER_WEIGHT, trainer_of
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.trainer import seeded, silent

BATCH, RATE, DECAY_FROM = 64, 2e-3, 0.5
ALIGNED = 4
"""One question of so many is aligned with the teacher's states."""
HANDED_FROM, HANDED = 0.3, 0.5
"""Share of the run from which steps are handed over, and of the questions in which they are."""
HANDED_DEPTH = 2
NEVER = 99
STAGED = 0.25
"""Share of the run over which the curriculum rises."""
RESULT = 2
"""From the end of a step back to `=`, whose state holds the result as its prediction."""
HELD_OUT_SEED, HELD_OUT = 999, 256
_STREAM = 67


@dataclass(frozen=True)
class LatentStudent(ABC):
    """A latent student of a backbone that speaks, from which seed."""

    name: str
    base: TeacherRecipe
    """The teacher."""
    seed: int
    home: Path
    steps: int = 1100
    forecast_s: int = 150

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train it on its teacher, which is its reference too."""
        teacher, path = self.base.load(), folder / f"{self.name}{SUFFIX}"
        student = self.learn(teacher, progress)
        checkpoints.write(student.state_dict(), path, reference=teacher.state_dict())
        return checkpoints.describe(self, folder, held_out=held_out(self.load(folder)))

    @abstractmethod
    def learn(self, teacher: Backbone, progress: Progress) -> Backbone:
        """Return a student that was taught by its teacher."""

    def load(self, folder: Path | None = None) -> Backbone:
        """Return the model in fp32."""
        model = self.base.load()
        model.load_state_dict(checkpoints.weights(self, folder, reference=dict(model.state_dict())))
        return model.eval().requires_grad_(False)


@dataclass(frozen=True)
class StudentRecipe(LatentStudent):
    """A student that is prepared for shortcuts."""

    def learn(self, teacher: Backbone, progress: Progress) -> Backbone:
        """Return a student that was taught by its teacher."""
        return train(teacher, self.seed, self.steps, progress)


@dataclass(frozen=True)
class Lesson:
    """Questions of equally many operations, and how much of their trace is latent."""

    posed: Reckoned
    tokens: Tensor
    """Question, verbose trace, `<answer>`, answer, [B, T]; the same length for all."""
    per_step: int
    """Steps of the trace that one latent step stands for."""
    latent: int
    """Latent steps."""

    @property
    def length(self) -> int:
        """Tokens of the question."""
        return int(self.posed.questions.lengths[0])

    def end(self, step: int) -> int:
        """Return where the trace's tokens end that the first `step` latent steps stand for."""
        n = int(self.posed.keys.steps[0])
        return self.length + traces.VERBOSE_STEP * min(step * self.per_step, n)


def lesson(generator: np.random.Generator, per_step: int, share: float, n: int = BATCH) -> Lesson:
    """Draw a batch; `share` of its trace, at least one step, is latent."""
    ops = int(generator.integers(traces.FEWEST, traces.MOST + 1))
    posed = traces.pose(generator, n, ops, ops)
    tokens, _ = traces.written(posed, traces.trace(posed.keys, verbose=True))
    most = -(-ops // per_step)
    return Lesson(posed, torch.from_numpy(tokens), per_step, min(most, 1 + int(share * most)))


def train(
    teacher: Backbone,
    seed: int,
    steps: int,
    progress: Progress = silent,
) -> Backbone:
    """Train a student from a teacher; return it in evaluation mode."""
    with seeded(_STREAM * 1000 + seed):
        student = Backbone(teacher.shape)
        student.load_state_dict(teacher.state_dict())
        judge, lessons = nn.Linear(student.shape.width, 1), _lessons(seed, steps)
        trainer = trainer_of([*student.parameters(), *judge.parameters()], steps, RATE, DECAY_FROM)
        trainer.fit(lambda step: _loss(teacher, student, judge, *next(lessons)), steps, progress)
    return student.eval().requires_grad_(False)


def _lessons(seed: int, steps: int) -> Iterator[tuple[Lesson, Tensor]]:
    """Yield lessons, and after how many layers each latent step is handed over, [B, steps]."""
    generator = np.random.Generator(np.random.PCG64((_STREAM, seed)))
    for step in range(steps):
        taught = lesson(generator, 2 if step % 3 == 2 else 1, step / steps / STAGED)
        critical = taught.posed.keys.critical[:, : taught.latent]
        often = HANDED if step >= HANDED_FROM * steps and taught.per_step == 1 else 0.0
        yield taught, handed_over(critical, generator.random(len(critical)) < often)


def handed_over(critical: Bools, whose: Bools) -> Tensor:
    """Return after how many layers each step [n, steps] is handed over, in the questions `whose`.

    Steps that are not critical are, unless they were handed over to.
    """
    plan, handed = np.full(critical.shape, NEVER), np.zeros(len(critical), np.bool_)
    for step in range(critical.shape[1]):
        handed = whose & ~critical[:, step] & ~handed
        plan[handed, step] = HANDED_DEPTH
    return torch.from_numpy(plan)


def opening(student: Backbone, taught: Lesson) -> tuple[Tensor, Past]:
    """Read the questions; return the states at their ends [B, d] and the past."""
    asked = taught.tokens[:, : taught.length].clone()
    if taught.per_step == 2:
        asked[:, -1] = HALF
    past = nothing(student)
    return block(student, student.embed(asked), past)[:, -1], past


def _loss(
    teacher: Backbone, student: Backbone, judge: nn.Linear, taught: Lesson, plan: Tensor
) -> Tensor:
    tokens, ends = taught.tokens, [taught.end(k) - RESULT for k in range(1, taught.latent + 1)]
    state, past = opening(student, taught)
    past.ragged = bool((plan < NEVER).any())
    walked = walk(student, state, past, plan, HANDED_DEPTH)
    done, results = walked.done, tokens[:, [end + 1 for end in ends]]
    loss = F.cross_entropy(student.head(walked.states[done]), results[done])
    some = slice(len(tokens) // ALIGNED)
    with torch.no_grad():
        heard = block(teacher, teacher.embed(tokens[some, : ends[-1] + 1]), nothing(teacher))
        wanted = teacher.norm(heard[:, ends])
    loss = loss + F.smooth_l1_loss(walked.states[some][done[some]], wanted[done[some]])
    if taught.per_step == 1:
        loss = loss + judged(judge, walked, taught)
    return loss + language_loss(student, taught, past)


def judged(judge: nn.Linear, walked: Walked, taught: Lesson) -> Tensor:
    """Return the cross-entropy of criticality, as read from the early states of fresh steps."""
    critical = torch.from_numpy(taught.posed.keys.critical[:, : taught.latent]).float()
    logits = judge(F.rms_norm(walked.early, walked.early.shape[-1:]))[..., 0]
    return F.binary_cross_entropy_with_logits(logits[walked.fresh], critical[walked.fresh])


def language_loss(student: Backbone, taught: Lesson, past: Past) -> Tensor:
    """Return the cross-entropy of what follows the latent steps."""
    rest = taught.tokens[:, taught.end(taught.latent) :]
    logits = student.head(student.norm(block(student, student.embed(rest[:, :-1]), past)))
    weight = torch.ones(rest.shape[1] - 1)
    weight[-1] = ANSWER_WEIGHT
    each = F.cross_entropy(logits.transpose(1, 2), rest[:, 1:], reduction="none")
    return (each * weight).sum() / (weight.sum() * len(rest))


def held_out(student: Backbone) -> dict[str, float]:
    """Return exact match after all latent steps, one per step and one per two.

    `accuracy_handed`: one per step, with those that do not change the value handed over.
    """
    found = {"accuracy_handed": _handed(student)}
    for per_step, name in ((1, "accuracy_full"), (2, "accuracy_half")):
        generator, hits = np.random.Generator(np.random.PCG64((_STREAM, HELD_OUT_SEED))), []
        with torch.inference_mode(), one_thread():
            for _ in range(8):
                taught = lesson(generator, per_step, 1.0, HELD_OUT)
                state, past = opening(student, taught)
                for _ in range(taught.latent):
                    state = block(student, student.norm(state)[:, None], past)[:, 0]
                mark = student.embed(torch.full((len(state), 1), ANSWER))
                said = student.head(student.norm(block(student, mark, past)[:, 0])).argmax(-1)
                hits.append(said == torch.from_numpy(taught.posed.keys.answers))
        found[name] = round(float(torch.cat(hits).double().mean()), 4)
    return found


def _handed(student: Backbone) -> float:
    generator, hits = np.random.Generator(np.random.PCG64((_STREAM, HELD_OUT_SEED + 1))), []
    with torch.inference_mode(), one_thread():
        for _ in range(8):
            taught = lesson(generator, 1, 1.0, HELD_OUT)
            state, past = opening(student, taught)
            past.ragged = True
            critical = taught.posed.keys.critical[:, : taught.latent]
            everybody = np.ones(len(critical), np.bool_)
            walk(student, state, past, handed_over(critical, everybody), HANDED_DEPTH)
            mark = student.embed(torch.full((len(state), 1), ANSWER))
            said = student.head(student.norm(block(student, mark, past)[:, 0])).argmax(-1)
            hits.append(said == torch.from_numpy(taught.posed.keys.answers))
    return round(float(torch.cat(hits).double().mean()), 4)
