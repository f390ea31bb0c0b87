"""Backbones for reckoning in steps: one that speaks its steps, and one that answers at once.

    words    half of a batch is followed by its verbose trace, half by the terse one (it ends in `<half>`)
    direct   half of a batch is followed by `<answer>` at once, half by a pause token for each operation

Cross-entropy is of what follows the question alone, weight 3 on the answer. Optimiser and schedule are those
of `train_backbone.py`; the number of operations rises over the first 30 % of the run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.ledger_cot.substrate import traces
from adabench.workloads.depth_width.ledger_cot.substrate.traces import HALF, PAUSE, Reckoned
from adabench.workloads.depth_width.substrate import checkpoints, train_backbone
from adabench.workloads.depth_width.substrate.backbone import Backbone, Shape
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.depth_width.substrate.train_backbone import ANSWER_WEIGHT, CURRICULUM
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.int8_packing import LEVELS
from adabench.workloads.shared.training.trainer import seeded, silent

BATCH = {"words": 32, "direct": 48}
"""Questions of each of the two kinds in a step."""
HELD_OUT_SEED, HELD_OUT = 999, 1000
_STREAM = 61  # these streams are keyed apart from those of other data
_FEWEST_FIRST = 2


TOKENS = 96
"""Room for the longest verbose trace: 19 + 7 x 8 + 2."""
SHAPE = Shape(6, tokens=TOKENS)


@dataclass(frozen=True)
class TeacherRecipe:
    """A backbone that is trained from nothing, from which seed."""

    name: str
    kind: Literal["words", "direct"]
    seed: int
    home: Path
    shape: Shape = SHAPE
    steps: int = 700
    forecast_s: int = 120
    levels: int = LEVELS
    """Of the packed file (`int8_packing.py`)."""

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train it and write weights and card."""
        path = folder / f"{self.name}{SUFFIX}"
        checkpoints.write(train(self, progress).state_dict(), path, levels=self.levels)
        return checkpoints.describe(self, folder, held_out=held_out(self, self.load(folder)))

    def load(self, folder: Path | None = None) -> Backbone:
        """Return the model in fp32."""
        model = Backbone(self.shape)
        model.load_state_dict(checkpoints.weights(self, folder))
        return model.eval().requires_grad_(False)


def train(plan: TeacherRecipe, progress: Progress = silent) -> Backbone:
    """Train a backbone on questions; return it in evaluation mode."""
    with seeded(_STREAM * 1000 + plan.seed):
        model, batches = Backbone(plan.shape), _batches(plan)

        def losses(step: int) -> Iterator[Tensor]:
            del step
            for second, posed in enumerate(next(batches)):
                yield _loss(model, plan, posed, second=bool(second))

        trainer = train_backbone.trainer_of(list(model.parameters()), plan.steps)
        trainer.fit(losses, plan.steps, progress)
    return model.eval().requires_grad_(False)


def _batches(plan: TeacherRecipe) -> Iterator[tuple[Reckoned, Reckoned]]:
    generator = np.random.Generator(np.random.PCG64((_STREAM, plan.seed)))
    n = BATCH[plan.kind]
    for step in range(plan.steps):
        risen = step / plan.steps / CURRICULUM
        most = min(traces.MOST, _FEWEST_FIRST + int((traces.MOST - _FEWEST_FIRST) * risen))
        fewest = 1 if most < traces.MOST else traces.FEWEST
        yield (
            traces.pose(generator, n, most, fewest),
            traces.pose(generator, n, most, fewest),
        )


def completed(plan: TeacherRecipe, posed: Reckoned, *, second: bool) -> tuple[Tensor, Tensor]:
    """Return questions with what is to follow them, [n, T], and where each row's last token is."""
    if plan.kind == "words":
        said = traces.trace(posed.keys, verbose=not second)
    else:
        said = pauses(posed.keys.steps, per_step=int(second))
    tokens, last = traces.written(posed, said)
    if plan.kind == "words" and second:
        tokens[np.arange(len(tokens)), posed.questions.lengths - 1] = HALF
    return torch.from_numpy(tokens), torch.from_numpy(last)


def pauses(steps: Ints, per_step: int) -> Ints:
    """Return pause tokens for each operation, [n, 8, per_step]."""
    return np.full((len(steps), traces.MOST, per_step), PAUSE, np.int64)


def _loss(model: Backbone, plan: TeacherRecipe, posed: Reckoned, *, second: bool) -> Tensor:
    tokens, last = completed(plan, posed, second=second)
    states = unit_forward.soft(model, tokens[:, :-1], lambda unit, x, output: output())
    targets, place = tokens[:, 1:], torch.arange(1, tokens.shape[1])
    each = F.cross_entropy(
        model.head(model.norm(states)).transpose(1, 2), targets, reduction="none"
    )
    answer = place == last[:, None]
    if plan.kind == "direct":
        # `<answer>` and pauses are put there by whoever asks: nothing to be learned.
        return each[answer].mean()
    after = place >= torch.from_numpy(posed.questions.lengths)[:, None]
    weight = (after & (place <= last[:, None])) * (1 + (ANSWER_WEIGHT - 1) * answer)
    return (each * weight).sum() / weight.sum()


def held_out(plan: TeacherRecipe, model: Backbone) -> dict[str, float]:
    """Return on held-out questions the share of right answers and of faultless traces.

    Every token is predicted from the right ones before it, so a faultless trace is one that greedy
    decoding gives.
    """
    seeds = (_STREAM, HELD_OUT_SEED)
    posed = traces.pose(np.random.Generator(np.random.PCG64(seeds)), HELD_OUT)
    names = ("verbose", "terse") if plan.kind == "words" else ("at_once", "pauses")
    found = {}
    with torch.inference_mode(), one_thread():
        for second, name in enumerate(names):
            tokens, last = completed(plan, posed, second=bool(second))
            states = unit_forward.soft(model, tokens[:, :-1], lambda unit, x, output: output())
            right = model.head(model.norm(states)).argmax(-1) == tokens[:, 1:]
            place = torch.arange(1, tokens.shape[1])
            first = torch.from_numpy(posed.questions.lengths)[:, None]
            if plan.kind == "direct":
                first = last[:, None]
            judged = (place >= first) & (place <= last[:, None])
            found[f"accuracy_{name}"] = float((right | ~judged).all(1).double().mean())
    return {name: round(value, 4) for name, value in found.items()}
