"""Random loops: VersatileFFN with random depth gates in place of its own.

The control. The same model, and in each layer the same shares of positions that loop 1, 2, 3, 4
times as under the trained gate, measured on calibration sequences that no score is taken on.
Slices are still chosen by the trained router. Random draws cost no operations.

**What to expect.** Written before measuring: a few points lost at k = 3 and 4, no more: the model
was trained with sampled depths, at first nearly even ones.

**Ways to fake it.** One share for all layers, or shares of another model.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger_affine.substrate.ffn_reader import AffineTask, FfnReader
from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import (
    Run,
    argmax,
    coins,
    shares,
)
from adabench.workloads.depth_width.substrate.readers import Batch

CARD = Card(
    title="Random loops at VersatileFFN's shares",
    moved_from="ledger/random_loops",
    adapts="how often a token runs each layer's MLP, at random",
    role="control",
    conditions={"mode": "prefill"},
    knobs=(Knob("bias", (0.0,), 0.0, at="prepare", open=True, low=-1000, high=1000),),
)


@dataclass(frozen=True)
class Coins:
    """A reader, and how often each layer looped 1..D times under its gate."""

    reader: FfnReader
    rates: Tensor
    seed: int


def prepare(task: AffineTask, point: Point, seed: int) -> Coins:
    """Restore the method's model and measure its shares."""
    reader = task.ffn_reader("versatile-ffn")
    depths = argmax(reader.stack, float(point["bias"]))
    run = replace(reader, mode="prefill").read(task.calibration(), depths)
    return Coins(reader, shares(run, reader.stack.shape.layers), seed)


def solve(held: Coins, batch: Batch, point: Point) -> Run:
    """Read the batch with coins; the same coins for the same batch."""
    generator = torch.Generator().manual_seed(1_000 * held.seed + batch.index)
    return held.reader.read(batch, coins(held.rates, generator))
