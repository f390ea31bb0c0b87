"""How HARMONY's forecaster is trained, and how a training goes on with a service's own past.

    flow       loss = -log p(y) of all indicators, by the exact change of variables
    gaussian   the same without the flow
    released   what the published code does: 100 draws of z are averaged, and f of the mean is held to y by the squared
               error. No likelihood enters, so sigma is trained by what is left of the noise of a mean.
    shuffled   `flow`, with the levels dealt anew to the indicators of every training

A training sees 32 generated services of a stream of their own, eight of each family.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from adabench.workloads.algorithms.autoscale.methods.harmony.network import (
    FAR,
    WINDOW,
    Forecaster,
    standardised,
)
from adabench.workloads.algorithms.autoscale.substrate.traces import (
    DAY,
    FAMILIES,
    LEVELS,
    TRAIN,
    carry_forward,
    generate,
)
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.schedule import cosine
from adabench.workloads.shared.training.trainer import Trainer, seeded, silent

Loss = Literal["flow", "gaussian", "released", "shuffled"]
BATCH, CLIP, WARM_UP = 192, 1.0, 50
AVERAGED = 100
"""Draws of z that the released loss takes the mean of."""
SERVICES = 8
"""Of each family."""
TUNED_RATE = 1e-3


@dataclass(frozen=True)
class Source:
    """What windows are drawn from: readings of one service."""

    readings: npt.NDArray[np.float32]
    """(T, N), the load last."""
    spread: npt.NDArray[np.float32]
    """(N,)."""


def make_source(readings: npt.NDArray[np.float64]) -> Source:
    """Return a source of windows."""
    plain = readings.astype(np.float32)
    return Source(plain, plain.std(0))


def levels_of(loss: str, levels: Sequence[int], seed: int) -> Tensor:
    """Return the levels (N,) that a network of a loss and training seed reads."""
    if loss == "shuffled":
        return torch.from_numpy(np.random.default_rng(seed).permutation(np.array(levels)))
    return torch.tensor(levels)


def train(loss: Loss, seed: int, steps: int, rate: float, progress: Progress) -> Forecaster:
    """Return a network trained by a loss from a seed."""
    sources = [
        make_source(carry_forward(generate(family, 14, seed * SERVICES + k, TRAIN)))
        for family in FAMILIES
        for k in range(SERVICES)
    ]
    with seeded(seed):
        network = Forecaster(flows=loss != "gaussian")
        levels = levels_of(loss, LEVELS, seed)
        fit(network, sources, levels, loss, steps, rate, seed, progress=progress)
    return network.eval().requires_grad_(False)


def tune(
    network: Forecaster, past: npt.NDArray[np.float64], levels: Tensor, loss: Loss, steps: int,
    *, delay: int, day: int, seed: int,
) -> None:  # fmt: skip
    """Go on with a training on the past (T0, N) of one service."""
    with seeded(seed):
        network.requires_grad_(True)
        fit(
            network, [make_source(past)], levels, loss, steps, TUNED_RATE, seed,
            delay=delay, day=day,
        )  # fmt: skip
        network.requires_grad_(False)


def fit(
    network: Forecaster, sources: Sequence[Source], levels: Tensor, loss: Loss, steps: int,
    rate: float, seed: int, *, delay: int = 1, day: int = DAY, progress: Progress = silent,
) -> None:  # fmt: skip
    """Train on windows that are drawn evenly from sources of one length."""
    rng = np.random.default_rng(seed)
    readings = np.stack([source.readings for source in sources])
    spreads = np.stack([source.spread for source in sources])
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-3, fused=True)
    trainer = Trainer(optimiser, schedule=cosine(steps, min(WARM_UP, steps / 4)), clip=CLIP)

    def batch_loss(step: int) -> Tensor:
        del step
        which = rng.integers(len(sources), size=BATCH)
        ends = rng.integers(WINDOW, readings.shape[1] - delay + 1, size=BATCH)
        windows = readings[which[:, None], ends[:, None] - WINDOW + np.arange(WINDOW)]
        inputs = standardised(windows, spreads[which], ends, day)
        wanted = (readings[which, ends + delay - 1] - inputs.centre) / inputs.scale
        y = torch.from_numpy(wanted.clip(-FAR, FAR))
        base = network(inputs.windows, inputs.marks, levels)
        if loss == "released":
            noise = torch.randn(AVERAGED, *y.shape).mean(0)
            return (network.bend(base.mu + base.sigma * noise) - y).square().mean()
        return -network.log_density(base, y).mean()

    trainer.fit(batch_loss, steps, progress)
