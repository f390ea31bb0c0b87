"""Stage 2 of System-1.5: how routers and adapters are taught on a frozen latent student.

Lessons are those of stage 1 with all steps latent. A step is *critical* if it changes the value; the generator
of the training questions says so, and nothing else does.

    loss = cross-entropy of the answer
         + smooth L1 between a finished step's state and the full path's, both normed
         + 10 x cross-entropy of w against "not critical", wherever a router was asked

Where a step goes on its state is the soft mixture `w g(h) + (1 - w) f(h)`; where it leaves, it leaves as in
inference. Half of the steps that are not critical leave where they are taught to, so that the adapters learn;
all others as the router says, at a threshold of 0.5.

*Where a step may leave.* The student was prepared for hand-overs after layer 2: a step that is not critical
leaves there if it started at layer 1, and runs on anywhere else.

*Handed over once.* A step that was handed over and is not critical is taught to leave after layers 3, 4 and 5,
and forced to after 3 or 4, drawn evenly. It hands nothing on: the state its adapter made ends the step. The
paper would hand the state on where it left.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.ledger_cot.substrate import train_student
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import (
    GoOn,
    closed,
    in_thought,
    solve,
)
from adabench.workloads.depth_width.ledger_cot.substrate.masked_forward import (
    Past,
    block,
    layer_step,
)
from adabench.workloads.depth_width.ledger_cot.substrate.shortcuts import (
    HAND_OVER,
    Shortcuts,
    Shortened,
)
from adabench.workloads.depth_width.ledger_cot.substrate.train_student import (
    HANDED_DEPTH,
    Lesson,
    StudentRecipe,
    lesson,
    opening,
)
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.stream import Bools
from adabench.workloads.depth_width.substrate.train_backbone import CLIP
from adabench.workloads.depth_width.substrate.work_counter import Work
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.int8_packing import HALVES
from adabench.workloads.shared.training.schedule import warmed
from adabench.workloads.shared.training.trainer import Trainer, seeded, silent

BATCH, RATE, WARM_UP_STEPS = 48, 6e-3, 20
HELD_OUT_SEED, HELD_OUT = 999, 128


@dataclass(frozen=True)
class ShortcutRecipe:
    """Routers and adapters on a latent student, from which seed."""

    name: str
    base: StudentRecipe
    kind: Literal["both", "depth", "step", "shuffled"]
    seed: int
    home: Path
    steps: int = 250
    forecast_s: int = 40

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train them on the student, which is read from where it is shipped."""
        parts = train(self.base.load(), self.kind, self.seed, self.steps, progress)
        checkpoints.write(parts.state_dict(), folder / f"{self.name}{SUFFIX}", levels=HALVES)
        return checkpoints.describe(self, folder, held_out=held_out(self.load(folder)))

    def load(self, folder: Path | None = None) -> Shortened:
        """Return the student with its shortcuts, in fp32."""
        weights, model = checkpoints.weights(self, folder), self.base.load()
        parts = Shortcuts(model.shape.width, model.shape.layers)
        parts.load_state_dict(weights)
        return Shortened(model, parts.eval().requires_grad_(False), self.kind)


LATER = (3, 4)
"""Layers after which a step that was handed over is made to leave in training."""


THRESHOLD = 0.5


JUDGED = 10.0
"""Weight of criticality: the soft mixture pulls w towards 0 wherever a step goes on."""


_STREAM = 71


def train(
    student: Backbone,
    kind: str,
    seed: int,
    steps: int,
    progress: Progress = silent,
) -> Shortcuts:
    """Train routers and adapters; the student is left as it is."""
    with seeded(_STREAM * 1000 + seed):
        made = Shortcuts(student.shape.width, student.shape.layers)
        generator = np.random.Generator(np.random.PCG64((_STREAM, seed)))
        trainer_of(made, steps).fit(
            lambda step: loss(student, made, kind, lesson(generator, 1, 1.0, BATCH), generator),
            steps,
            progress,
        )
    return made.eval().requires_grad_(False)


def trainer_of(made: Shortcuts, steps: int) -> Trainer:
    """Return the trainer of routers and adapters: a rise, a rest, and a fall in a line to nothing."""
    optimiser = torch.optim.AdamW(made.parameters(), lr=RATE, weight_decay=0.0, fused=True)

    def rate(peak: float, step: int) -> float:
        return peak * min(warmed(step, WARM_UP_STEPS), 2 * (1 - step / steps))

    return Trainer(optimiser, schedule=rate, clip=CLIP)


def labels(taught: Lesson, kind: str, generator: np.random.Generator) -> Bools:
    """Return which steps are to be taken for critical, [B, steps]."""
    critical = taught.posed.keys.critical[:, : taught.latent]
    return generator.permuted(critical, axis=1) if kind == "shuffled" else critical


def loss(
    student: Backbone, made: Shortcuts, kind: str, taught: Lesson, generator: np.random.Generator
) -> Tensor:
    """Return the three terms of stage 2 for one batch."""
    critical = labels(taught, kind, generator)
    plan = planned(critical, kind, generator)
    with torch.no_grad():
        state, past = opening(student, taught)
        wanted = full_path(student, state, past, critical.shape[1])
        state, past = opening(student, taught)
    past.ragged = True
    walk = Walk(student, made, kind, past)
    return walk.loss(state, plan, torch.from_numpy(critical), wanted, taught)


def planned(critical: Bools, kind: str, generator: np.random.Generator) -> Tensor:
    """Return after how many layers steps are made to leave, [B, steps, 2]; -1: as the router says.

    Of each step, if it starts at layer 1 and if it was handed over.
    """
    free = critical | (generator.random(critical.shape) < 0.5)
    later = np.full(critical.shape, -1)
    if HAND_OVER[kind] == "once":
        later = generator.choice(LATER, critical.shape)
    plan = np.stack((np.full(critical.shape, HANDED_DEPTH), later), axis=-1)
    return torch.from_numpy(np.where(free[..., None], -1, plan))


def full_path(student: Backbone, state: Tensor, past: Past, steps: int) -> Tensor:
    """Return the normed states after each full latent step, [B, steps, d]."""
    states = []
    for _ in range(steps):
        state = block(student, student.norm(state)[:, None], past)[:, 0]
        states.append(state)
    return student.norm(torch.stack(states, 1))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Walk:
    """Latent steps of a batch with shortcuts, masked, with gradients."""

    student: Backbone
    made: Shortcuts
    kind: str
    past: Past
    threshold: float = THRESHOLD
    soft: bool = True
    """False: a step that goes on takes the layer's output alone, as in inference."""

    def loss(
        self, state: Tensor, plan: Tensor, critical: Tensor, wanted: Tensor, taught: Lesson
    ) -> Tensor:
        """Walk all steps from the states at the questions' ends [B, d] and add up the terms."""
        state, start = self.student.norm(state), torch.zeros(len(state), dtype=torch.long)
        judged, matched = [], []
        for step in range(plan.shape[1]):
            handed = start > 0
            made_to = torch.where(handed, plan[:, step, 1], plan[:, step, 0])
            state, start, done, asked = self.step(state, start, made_to)
            for depth, (logit, rows) in enumerate(asked, 1):
                if rows.any():
                    target = ~critical[rows, step] & self.may(depth, handed[rows])
                    judged.append(F.binary_cross_entropy_with_logits(logit[rows], target.float()))
            if done.any():
                matched.append(F.smooth_l1_loss(state[done], wanted[done, step]))
        answer = train_student.language_loss(self.student, taught, self.past)
        return (
            answer
            + JUDGED * torch.stack(judged).mean()
            + torch.stack(matched or [answer * 0]).mean()
        )

    def may(self, depth: int, handed: Tensor) -> Tensor:
        """Return whether a trivial step is taught to leave after so many layers, [n]."""
        later = HAND_OVER[self.kind] == "once" and depth > HANDED_DEPTH
        return torch.where(handed, later, depth == HANDED_DEPTH)

    def step(
        self, state: Tensor, start: Tensor, plan: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, list[tuple[Tensor, Tensor]]]:
        """Take one step; return states, starts, who has a finished state, and who was asked."""
        layers, work = self.student.shape.layers, Work()
        left, asked = torch.zeros(len(state), dtype=torch.bool), []
        begin = torch.zeros_like(start)
        for depth in range(layers):
            running, ran = ~left & (start <= depth), start < depth
            mixed: tuple[Tensor, Tensor] | None = None
            if depth:
                logit, out = self._judged(depth, state, work)
                asked.append((logit, running & ran))
                share = logit.sigmoid()
                says = share > self.threshold
                leaves = running & ran & torch.where(plan < 0, says, plan <= depth)
                state = torch.where(leaves[:, None], out, state)
                begin = torch.where(leaves, depth, begin)
                left, running = left | leaves, running & ~leaves
                mixed = out, (share * ran)[:, None]
            after = layer_step(self.student, depth, state[:, None], self.past, running)[:, 0]
            if mixed is not None and self.soft:
                after = mixed[1] * mixed[0] + (1 - mixed[1]) * after
            state = torch.where(running[:, None], after, state)
        self.past.length += 1
        done = ~left | closed(HAND_OVER[self.kind], start > 0)
        state = torch.where(done[:, None], self.student.norm(state), state)
        return state, torch.where(done, 0, begin), done, asked

    def _judged(self, depth: int, state: Tensor, work: Work) -> tuple[Tensor, Tensor]:
        out = state if self.kind == "step" else self.made.adapted(depth, state, work)
        return self.made.logit(depth, state, work), out


def held_out(found: Shortened) -> dict[str, float]:
    """Return exact match and layers per latent step at the default threshold, by criticality."""
    generator = np.random.Generator(np.random.PCG64((_STREAM, HELD_OUT_SEED)))
    hits, ran = [], {True: [0, 0], False: [0, 0]}
    for _ in range(8):
        taught = lesson(generator, 1, 1.0, HELD_OUT)
        posed, room = taught.posed, taught.latent + 1
        think = _thinking(found, torch.from_numpy(posed.keys.steps))
        solution = solve(found.model, posed.questions, think, room=room, tile=HELD_OUT)
        hits.append(solution.said.numpy() == posed.keys.answers)
        critical = posed.keys.critical[:, : taught.latent]
        for kind, sums in ran.items():
            depths = solution.exits.numpy()[critical == kind]
            sums[0], sums[1] = sums[0] + int(depths.sum()), sums[1] + len(depths)
    return {
        "accuracy": round(float(np.concatenate(hits).mean()), 4),
        "depth_critical": round(ran[True][0] / ran[True][1], 3),
        "depth_trivial": round(ran[False][0] / ran[False][1], 3),
    }


def _thinking(found: Shortened, steps: Tensor) -> GoOn:
    shortcut = found.shortcut(THRESHOLD)
    return lambda who: in_thought(found.model, steps[who], shortcut)
