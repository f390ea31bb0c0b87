"""Random width: adaptive computation modules with random gates in place of their own.

The control. The same tuned model, and in each module the same shares of positions that take 0, 1,
.. 4 learners as under its gates, measured on calibration sequences that no score is taken on. What
this keeps, the learners keep whoever runs them. Random draws cost nothing, so it is a few percent
cheaper than the method.

`weights=coins` is the harder control: a model that was tuned under random gates at these shares, as long as
the method's was under its gates (`adabench train width-coins-40-s0`).

**What to expect.** Written before any tuning: at 0.40 a third of the answers at k = 4 less than
with gates; an operand that misses its learners breaks the chain of a segment.

**Ways to fake it.** Other shares than the method's, one share for all modules, or a model that was
not tuned.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, OnTask, Point
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.learners import coins, gated, shares
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.trained.training_anew import trained_with_coins
from adabench.workloads.depth_width.substrate.width_reader import WidthReader

CARD = Card(
    title="Random width at the modules' shares",
    tasks=("ledger", "pretrained"),
    on_task={"pretrained": OnTask(sweep={"budget": (0.75,)})},
    adapts="how many of four learners a position runs in each MLP, at random",
    role="control",
    knobs=(
        Knob("budget", (0.4,), 0.4, at="prepare", open=True, low=0.01, high=0.99),
        Knob("weights", ("method",), "method", at="prepare", open=True),
    ),
)


@dataclass(frozen=True)
class Coins:
    """A reader, and how often each module ran 0..4 learners under its gate."""

    reader: WidthReader
    rates: Tensor
    seed: int


def prepare(task: StreamTask, point: Point, seed: int) -> Coins:
    """Restore the method's model and measure its shares."""
    percent = round(100 * float(point["budget"]))
    reader = task.width_reader(f"acm-{percent}")
    batch = task.calibration()
    answer = replace(reader, mode="prefill").read(batch, gated(reader.widened.modules))
    rates = shares(answer, answer.unrolled, batch.tokens.size)
    if trained_with_coins(point):
        reader = task.width_reader(f"width-coins-{percent}")
    return Coins(reader, rates, seed)


def solve(held: Coins, batch: Batch, point: Point) -> Answer:
    """Read the batch with coins; the same coins for the same batch."""
    generator = torch.Generator().manual_seed(1_000 * held.seed + batch.index)
    return held.reader.read(batch, coins(held.rates, generator))
