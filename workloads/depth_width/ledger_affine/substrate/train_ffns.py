"""How the models of affine operands are trained: the substrate's recipe, in one or two phases.

A plan with `warm` steps is a dense model for so long; then its kind takes over the weights with a *new*
optimiser and a warm-up of 40 steps. The rest is as in `train_backbone.py`; k rises to 4 over the first 15 %.
Gates and routers start from noise in the second phase and learn at five times the rate of other weights.

    tau = max(0.1, 5 x 0.02^(step / 0.96 S))      S: steps after the change; the paper's share of its run

Balance of slices: 5e-5 as published; of separate experts 1e-2, as is usual.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from adabench.workloads.depth_width.ledger_affine.substrate import affine_stream
from adabench.workloads.depth_width.ledger_affine.substrate.ffn_models import (
    FfnShape,
    Gates,
    Stack,
    fresh,
    soft,
)
from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import (
    ONCE,
    argmax,
    prefill_ffns,
)
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.stream import KMAX, MODULUS
from adabench.workloads.depth_width.substrate.train_backbone import (
    BATCH,
    BETAS,
    CLIP,
    LAST_RATE,
    RATE,
    WARM_UP_STEPS,
    WEIGHT_DECAY,
    Batch,
    answer_loss,
    batch_of,
    scores,
    value_loss,
)
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.int8_packing import LEVELS
from adabench.workloads.shared.training.schedule import Schedule, trapezoid
from adabench.workloads.shared.training.trainer import Trainer, silent

STEPS, WARM = 1600, 1200
TAU_FIRST, TAU_LAST, TAU_SHARE = 5.0, 0.1, 0.96
BALANCE = {"versatile": 5e-5, "moe": 1e-2}
CURRICULUM, DECAY_FROM = 0.15, 0.8
"""Of all steps: when k reaches its largest, and when the rate begins to fall."""
RENEWAL_STEPS = 40
"""The warm-up of the second phase; the first has that of `train_backbone.py`."""
GATE_RATE = 5.0
"""Of gates and routers, as a multiple of everybody's rate. They have the second phase alone."""
HELD_OUT_SEED, HELD_OUT = 999, 256
_STREAM = 52  # training streams are keyed apart from those of the other families


@dataclass(frozen=True)
class FfnRecipe:
    """A model of the MLP family, from which seed."""

    name: str
    shape: FfnShape
    seed: int
    home: Path
    reference: "FfnRecipe | None" = None
    """The dense model, which had the same first `warm` steps: files hold what differs from it."""
    warm: int = WARM
    """Of the steps, those as a dense model; the optimiser is new afterwards."""
    steps: int = STEPS
    forecast_s: int = 155
    levels: int = LEVELS
    """Of the packed file (`int8_packing.py`)."""

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train it and write weights and card."""
        made = train(self, progress)
        path = folder / f"{self.name}{SUFFIX}"
        checkpoints.write(made.state_dict(), path, levels=self.levels, reference=self._reference())
        return checkpoints.describe(self, folder, held_out=held_out(self.load(folder)))

    def load(self, folder: Path | None = None) -> Stack:
        """Return the model in fp32."""
        stack = fresh(self.shape)
        stack.load_state_dict(checkpoints.weights(self, folder, reference=self._reference()))
        return stack.frozen()

    def _reference(self) -> dict[str, Tensor] | None:
        if self.reference is None:
            return None
        dense = self.reference.load()
        wider = copied(dense.ffns.state_dict(), self.shape.wider)
        return checkpoints.below("base.", dense.model.state_dict()) | checkpoints.below(
            "ffns.", wider
        )


def train(plan: FfnRecipe, progress: Progress = silent) -> Stack:
    """Train a plan; return the model in evaluation mode."""
    with one_thread(), torch.random.fork_rng(devices=[]):
        if plan.warm:
            start, head = _dense(plan.shape.layers, plan.seed, plan.warm, plan.steps, progress)
        torch.manual_seed(_STREAM * 1000 + plan.seed)
        stack, value_head = fresh(plan.shape), nn.Linear(plan.shape.width, MODULUS, bias=False)
        if plan.warm:
            stack.model.load_state_dict(start["model"])
            stack.ffns.load_state_dict(copied(start["ffns"], plan.shape.wider), strict=False)
            value_head.load_state_dict(head)
        _fit(plan, stack, value_head, plan.warm, plan.steps, progress)
    return stack.frozen()


@cache
def _dense(
    layers: int, seed: int, warm: int, steps: int, progress: Progress
) -> tuple[dict[str, dict[str, Tensor]], dict[str, Tensor]]:
    """Return the weights of the dense start and its value head."""
    plan = FfnRecipe("", FfnShape("dense", layers), seed, Path(), warm=0, steps=steps)
    torch.manual_seed(_STREAM * 1000 + seed)
    stack, value_head = fresh(plan.shape), nn.Linear(plan.shape.width, MODULUS, bias=False)
    _fit(plan, stack, value_head, 0, warm, progress)
    weights = {"model": stack.model.state_dict(), "ffns": stack.ffns.state_dict()}
    return weights, value_head.state_dict()


def copied(weights: dict[str, Tensor], times: int) -> dict[str, Tensor]:
    """Return dense MLPs so many times side by side: what separate experts start from."""
    found = {}
    for key, value in weights.items():
        halves = value.chunk(2) if key.endswith("w_in.weight") else ()
        wide = torch.cat([half.repeat(times, 1) for half in halves]) if halves else None
        found[key] = value.repeat(1, times) if wide is None else wide
    return found


def _fit(
    plan: FfnRecipe, stack: Stack, value_head: nn.Linear, first: int, last: int, progress: Progress
) -> None:
    """Train from step `first` to `last` of the plan with an optimiser of its own."""
    batches = _batches(plan, first, last)
    optimiser = torch.optim.AdamW(
        _groups(stack, value_head), betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
    )
    trainer = Trainer(
        optimiser,
        schedule=schedule(first, plan.steps),
        clip=CLIP,
        clipped=[*stack.weights(), *value_head.parameters()],
    )

    def loss(step: int) -> Tensor:
        return _loss(
            stack, value_head, next(batches), temperature(step - first, plan.steps - first)
        )

    trainer.fit(loss, plan.steps, progress, first=first, last=last)


def _groups(stack: Stack, value_head: nn.Linear) -> list[dict[str, Any]]:
    """Return what is trained, with the peak of its rate: gates and routers, and the rest."""
    gates = [weight for name, weight in stack.ffns.named_parameters() if ".w_" not in name]
    own = {id(gate) for gate in gates}
    rest = [weight for weight in stack.weights() if id(weight) not in own]
    groups = [{"params": [*rest, *value_head.parameters()], "lr": RATE}]
    return [*groups, {"params": gates, "lr": GATE_RATE * RATE}] if gates else groups


def schedule(first: int, steps: int) -> Schedule:
    """Return the rate over the phase that begins at step `first`, with a warm-up of its own."""
    warm_up = RENEWAL_STEPS if first else WARM_UP_STEPS
    return trapezoid(steps, warm_up, DECAY_FROM, LAST_RATE, first)


def temperature(step: int, steps: int) -> float:
    """Return tau at a step of the second phase."""
    fallen = TAU_FIRST * (TAU_LAST / TAU_FIRST) ** (step / (TAU_SHARE * steps))
    return float(max(TAU_LAST, fallen))


def _batches(plan: FfnRecipe, first: int, last: int) -> Iterator[Batch]:
    generator = np.random.Generator(np.random.PCG64((_STREAM, plan.seed, first)))
    for step in range(first, last):
        risen = step / plan.steps / CURRICULUM
        yield batch_of(affine_stream.draw(generator, BATCH, min(KMAX, 1 + int((KMAX - 1) * risen))))


def _loss(stack: Stack, value_head: nn.Linear, batch: Batch, tau: float) -> Tensor:
    """Next token with weighted answers, the running value at operands, and the balance."""
    gates = Gates()
    normed = stack.model.norm(soft(stack, batch.inputs, tau, gates))
    loss = answer_loss(stack.model.head(normed), batch) + value_loss(value_head, normed, batch)
    if gates.balance:
        loss = loss + BALANCE[stack.shape.kind] * torch.stack(gates.balance).sum()
    return loss


def held_out(stack: Stack) -> dict[str, float]:
    """Return answer accuracy by k, filler accuracy and executions on held-out sequences."""
    corpus = affine_stream.draw(np.random.Generator(np.random.PCG64(HELD_OUT_SEED)), HELD_OUT)
    tokens = torch.from_numpy(np.ascontiguousarray(corpus.inputs))
    depths = argmax(stack) if stack.shape.kind == "versatile" else ONCE
    answer = prefill_ffns(stack, tokens, depths, tile=16)
    return scores(corpus, answer.logits, float(answer.executions().mean()))
