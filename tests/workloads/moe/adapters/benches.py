"""Small parts that tests of adapters share: an untrained base, a pass, a batch."""

from typing import Any

import numpy as np
import torch

from adabench.workloads.moe.adapters.substrate.base_model import Base, fresh_base
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import draw, training_tasks


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def untrained() -> Base:
    return fresh_base(generator(5))


def batch(count: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    """Return tokens and tasks of sequences of several training tasks."""
    rng = np.random.default_rng(3)
    drawn = draw(rng, training_tasks(), rng.integers(48, size=count))
    return torch.from_numpy(drawn.tokens), torch.from_numpy(drawn.tasks)


def step(base: Base, count: int = 6, **more: Any) -> Pass:
    tokens, tasks = batch(count)
    return Pass(base, tokens, tasks, Work(), **more)


def stirred(weights: dict[str, torch.Tensor], seed: int = 7) -> dict[str, torch.Tensor]:
    """Return weights moved by noise, so that nothing is zero."""
    noise = generator(seed)
    return {
        name: value + 0.3 * torch.randn(value.shape, generator=noise)
        for name, value in weights.items()
    }
