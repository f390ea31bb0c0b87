"""Random routing: Mixture-of-Recursions with a random router in place of its own.

The control. Same checkpoint, same gate, same engine, and at every recursion the same share of
the candidates as the trained router lets on (measured on calibration sequences that no score
is taken on). If this does as well, the router has learned nothing and the "gain" is only
that the model tolerates being shallower.

`weights=coins` is the harder control: a model trained from the start with a random router where MoR's has a
trained one (`adabench train mor-coins-thirds-recursion-s0`), so that it has learned to live with them.

**What to expect.** Written before measuring: 0.2 to 0.5 of the answers; random exits at
the same share left 0.34 to 0.50 in a prototype.

**Ways to fake it.** A control with another rate, or one that keeps the router's choice at
the first recursion.
"""

from dataclasses import dataclass, replace

import torch

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import GATHERED_TILE, Batch, Reader
from adabench.workloads.depth_width.substrate.recursion_routing import (
    CAPACITIES,
    random_choice,
    rates,
    threshold,
    thresholds,
)
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.trained.training_anew import trained_with_coins

CARD = Card(
    title="Random routing at MoR's rates",
    adapts="how many recursions a token takes, at random",
    role="control",
    knobs=(
        Knob("capacity", ("thirds", "halves"), "thirds", at="prepare"),
        Knob("weights", ("method",), "method", at="prepare", open=True),
    ),
)


@dataclass(frozen=True)
class Coins:
    """A reader, and how often each recursion was taken by the trained router."""

    reader: Reader
    rates: tuple[float, ...]
    seed: int


def prepare(task: StreamTask, point: Point, seed: int) -> Coins:
    """Restore MoR's checkpoint and measure its rates."""
    preset = str(point["capacity"])
    reader = task.reader(f"mor-expert-{preset}-recursion")
    policy = threshold(reader.model, thresholds(CAPACITIES[preset], 0.5))
    answer = replace(reader, mode="prefill").read(task.calibration(), policy)
    shares = rates(reader.model, answer)
    if trained_with_coins(point):
        reader = task.reader(f"mor-coins-{preset}-recursion")
    return Coins(reader, shares, seed)


def solve(coins: Coins, batch: Batch, point: Point) -> Answer:
    """Read the batch with coins; the same coins for the same batch."""
    generator = torch.Generator().manual_seed(1_000 * coins.seed + batch.index)
    policy = random_choice(coins.reader.model, coins.rates, generator)
    return coins.reader.read(batch, policy, tile=GATHERED_TILE)
