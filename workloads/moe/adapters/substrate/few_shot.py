"""Few-shot adaptation: a new task, 32 examples, and what of an adapter is trained on them.

AdamW without decay, a linear warm-up over 6 % of the steps, then a constant rate; gradients are cut
at norm 1. It ends after its steps, or when its processor seconds are used.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.moe.adapters.substrate.adapter import Adapter, forward
from adabench.workloads.moe.adapters.substrate.base_model import Base
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import Ints

WARM_UP, CLIP, BATCH = 0.06, 1.0, 8
BETAS = (0.9, 0.999)
NEW_TASK = -1
"""What a router knows a new task by: the last place, behind those that were trained on."""


@dataclass(frozen=True)
class Examples:
    """What is known of a new task."""

    tokens: Ints
    """[n, 10]: four words and six numbers"""
    answers: Ints
    """[n, 5]: the classes of the answers, from the second number on"""


@dataclass(frozen=True)
class Schedule:
    """How an adapter is trained."""

    rate: float
    steps: int
    seconds: float = 0.0
    """Of the processor; where it is not 0 they end it, and `steps` is only where the warm-up's end is
    counted from."""
    batch: int = BATCH
    clock: Callable[[], float] = time.process_time


def import_optimiser() -> None:
    """Import what torch reads at its first optimiser: a second and 80 MB that are no adaptation's."""
    torch.optim.AdamW([torch.zeros(1, requires_grad=True)], fused=True).step()


def adapt(
    base: Base, adapter: Adapter, examples: Examples, schedule: Schedule, work: Work, seed: int
) -> tuple[Adapter, int]:
    """Train a copy of an adapter on examples; return it, and the steps that were taken."""
    own, generator = adapter.copied(), torch.Generator().manual_seed(seed)
    lots = torch.Generator().manual_seed(seed + 1)  # so that batches are the same for all methods
    tokens, answers = torch.from_numpy(examples.tokens), torch.from_numpy(examples.answers)

    def loss(step: int) -> Tensor:
        rows = torch.randint(len(tokens), (schedule.batch,), generator=generator)
        tasks = torch.full((schedule.batch,), NEW_TASK)
        run = Pass(base, tokens[rows], tasks, work, training=True, generator=lots)
        logits = forward(run, own)[:, base.first_answer :]
        found = F.cross_entropy(logits.flatten(0, 1), answers[rows].flatten())
        return found if own.penalty is None else found + own.penalty(own.weights, run)

    steps = follow(own, loss, schedule)
    return own.ended(), steps


def follow(adapter: Adapter, loss: Callable[[int], Tensor], schedule: Schedule) -> int:
    """Take the steps of a schedule; return how many there were."""
    trained = adapter.trained
    if not trained:
        return 0
    optimiser = torch.optim.AdamW(
        _groups(adapter, schedule.rate), betas=BETAS, weight_decay=0.0, fused=True
    )
    began, step = schedule.clock(), 0
    while not _is_over(schedule, step, began):
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * min(1.0, (step + 1) / (WARM_UP * schedule.steps))
        optimiser.zero_grad()
        torch.autograd.backward(loss(step))
        nn.utils.clip_grad_norm_(list(trained.values()), CLIP)
        optimiser.step()
        if adapter.after_step is not None:
            adapter.after_step(trained, step, schedule.steps)
        step += 1
    return step


def _is_over(schedule: Schedule, step: int, began: float) -> bool:
    if schedule.seconds:
        return step > 0 and schedule.clock() - began >= schedule.seconds
    return step >= schedule.steps


def _groups(adapter: Adapter, rate: float) -> list[dict[str, Any]]:
    """Return the trained weights by their rate."""
    by_rate: dict[float, list[Tensor]] = {}
    for name, value in adapter.trained.items():
        by_rate.setdefault(adapter.rates.get(name.partition(".")[0], 1.0), []).append(value)
    return [{"params": own, "peak": rate * times} for times, own in by_rate.items()]


@torch.no_grad()
def predict(
    base: Base, adapter: Adapter, tokens: Ints, tasks: Ints, work: Work, seed: int = 0
) -> Tensor:
    """Return the class that is most likely at each position, [sequences, tokens]."""
    generator = torch.Generator().manual_seed(seed)
    run = Pass(base, torch.from_numpy(tokens), torch.from_numpy(tasks), work, generator=generator)
    return forward(run, adapter).argmax(-1)


def seed_of(*parts: int) -> int:
    """Return one seed for several numbers."""
    found = 17
    for part in parts:
        found = (found * 1_000_003 + part) % (2**31)
    return found
