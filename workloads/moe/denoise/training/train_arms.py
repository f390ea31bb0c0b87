"""Trains all arms of a seed in one process, step by step in turn, so that their seconds are of one clock.

Each step draws passages and masks once; every arm takes it, in an order that rotates. Token choice has the balance loss of
Switch, expert choice the z-loss of its paper; token choice with a bias
adds offsets to chances instead (arXiv 2408.15664): after each step o_e rises by `NUDGE` where an expert got less than the mean,
and falls where it got more. A curve has `POINTS` rows: steps, pairs, processor seconds, and the bound on
passages for calibration, with masks that all arms and all points share, also for little and for much that is hidden.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adabench.workloads.moe.denoise.recipes import (
    AFTERWARDS,
    ARMS,
    BATCH,
    LATER,
    LENGTH,
    SHAPE,
    TOKEN_ARMS,
    Recipe,
)
from adabench.workloads.moe.denoise.substrate.mask_bench import OFFSETS
from adabench.workloads.moe.denoise.substrate.masked_passages import (
    DOMAIN,
    Masked,
    bound,
    draw,
    masked,
)
from adabench.workloads.moe.denoise.substrate.routings import arm_route
from adabench.workloads.moe.substrate.byte_corpus import split_text
from adabench.workloads.moe.substrate.byte_model import ByteModel
from adabench.workloads.moe.substrate.expert_layer import Route, balance_loss
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.schedule import trapezoid
from adabench.workloads.shared.training.trainer import Trainer, seeded

RATE, LATER_RATE, WARM_UP, CLIP = 3e-3, 1e-3, 40.0, 1.0
BALANCE, Z_LOSS, NUDGE = 0.01, 1e-3, 1e-3
POINTS = 20
WATCHED, WATCHED_SEED = 192, 78
LITTLE, MUCH = 0.25, 0.75
"""Shares of hidden bytes: little is up to the first, much is above the second."""


@dataclass
class Arm:
    """One arm in training."""

    name: str
    model: ByteModel
    trainer: Trainer
    curve: list[dict[str, float]] = field(default_factory=list)
    offsets: Tensor | None = None
    """Added to the chances of experts where they are chosen, [layers, E]; None for an arm without."""
    pairs: int = 0
    seconds: float = 0.0

    def step(self, step: int, given: Masked) -> None:
        """Take a step, and add what it took."""
        began = time.process_time()
        self.trainer.step(step, lambda _: self._loss(given))
        self.seconds += time.process_time() - began

    def _loss(self, given: Masked) -> Tensor:
        read = self.model(given.shown, self._route(given))
        self.pairs += read.counted.pairs
        found = bound(read.logits, given).mean()
        if self.offsets is not None:
            loads = torch.tensor(read.counted.sizes, dtype=torch.float)
            self.offsets += NUDGE * (loads.mean(1, keepdim=True) - loads).sign()
            return found
        if self.name in TOKEN_ARMS:
            return found + BALANCE * torch.stack([balance_loss(s) for s in read.scores]).sum()
        z = torch.stack([s.logsumexp(-1).square().mean() for s in read.scores])
        return found + Z_LOSS * z.sum()

    def _route(self, given: Masked) -> Route:
        return arm_route(self.name, given.ratios.tolist(), LENGTH, self.offsets)

    @torch.no_grad()
    def watch(self, steps: int, given: Masked) -> None:
        """Add a row to the curve."""
        read = self.model(given.shown, self._route(given))
        losses, ratios = bound(read.logits, given), given.ratios
        self.curve.append({
            "steps": float(steps), "pairs": float(self.pairs), "cpu_s": round(self.seconds, 3),
            "nats": float(losses.mean()), "nats_little": float(losses[ratios <= LITTLE].mean()),
            "nats_much": float(losses[ratios > MUCH].mean()), "max_load": read.counted.peak_load,
        })  # fmt: skip


def train(recipe: Recipe, progress: Progress) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Train all arms of a seed; return their weights, each under its arm's name, and their curves."""
    every = recipe.steps + AFTERWARDS
    with seeded(recipe.seed):
        first = [_arm(name, recipe.seed, None, RATE, recipe.steps) for name in ARMS]
        random = np.random.default_rng(np.random.SeedSequence(recipe.seed, spawn_key=(6,)))
        _together(first, recipe.steps, random, lambda done: progress(done, every))
        start = first[0].model.state_dict()
        later = [_arm(name, recipe.seed, start, LATER_RATE, AFTERWARDS) for name in LATER]
        _together(later, AFTERWARDS, random, lambda done: progress(recipe.steps + done, every))
    weights = {
        f"{arm.name}/{name}": value.detach().clone()
        for arm in (*first, *later)
        for name, value in arm.model.state_dict().items()
    }
    weights |= {f"{OFFSETS}/{arm.name}": arm.offsets for arm in first if arm.offsets is not None}
    return weights, {"curves": {arm.name: arm.curve for arm in (*first, *later)}}


def _arm(name: str, seed: int, start: Mapping[str, Tensor] | None, peak: float, steps: int) -> Arm:
    """Return an arm at its beginning: all have the same weights."""
    torch.manual_seed(seed)
    model = ByteModel(SHAPE)
    if start is not None:
        model.load_state_dict(start)
    optimiser = torch.optim.AdamW(model.parameters(), lr=peak, betas=(0.9, 0.95), fused=True)
    rate = trapezoid(steps, WARM_UP, decay_from=0.5, last=0.05)
    offsets = torch.zeros(SHAPE.layers, SHAPE.experts) if name == "token_bias" else None
    return Arm(name, model, Trainer(optimiser, schedule=rate, clip=CLIP), offsets=offsets)


def _together(arms: list[Arm], steps: int, random: np.random.Generator, say: Any) -> None:
    text, watched = split_text(DOMAIN, "train"), draw("calibration", WATCHED, WATCHED_SEED)
    window, every = np.arange(LENGTH), max(1, steps // POINTS)
    for arm in arms:
        arm.watch(0, watched)
    for step in range(steps):
        starts = random.integers(len(text) - LENGTH, size=(BATCH, 1))
        given = masked(text[starts + window].astype(np.int64), random)
        for turn in range(len(arms)):
            arms[(turn + step) % len(arms)].step(step, given)
        if (step + 1) % every == 0:
            for arm in arms:
                arm.watch(step + 1, watched)
        say(step + 1)
