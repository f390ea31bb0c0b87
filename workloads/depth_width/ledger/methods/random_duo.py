"""Random Duo-LLM: random routers in place of its own, at their rates in every layer.

The control. The same model, and in each layer the same shares of positions that skip, take small
and take big as under the trained routers, measured on calibration sequences that no score is
taken on. A skip is as free here as it is for routers. Random draws cost no operations.

**What to expect.** Written before any router was trained: the model was trained under random patterns,
so they do far less harm than to a retrofit; at budget 2 they lose a tenth of the answers at k = 4.

**Ways to fake it.** Rates of the nominal budget; one rate for all layers; draws that never skip.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import coins
from adabench.workloads.depth_width.ledger.substrate.duo.duo_reader import DuoReader, DuoTask, rates
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch

CARD = Card(
    title="Random modules at Duo-LLM's rates",
    adapts="which MLP a position runs in each layer, at random",
    role="control",
    conditions={"mode": "prefill"},
    knobs=(Knob("budget", (1, 2), 2, at="prepare"),),
)


@dataclass(frozen=True)
class Coins:
    """A reader, and how often each layer's router took skip, small and big."""

    reader: DuoReader
    rates: Tensor
    seed: int


def prepare(task: DuoTask, point: Point, seed: int) -> Coins:
    """Restore the method's model and measure its rates."""
    reader = task.duo_reader(int(point["budget"]))
    return Coins(task.duo_reader(), rates(reader, task.calibration()), seed)


def solve(held: Coins, batch: Batch, point: Point) -> Answer:
    """Read the batch with coins; the same coins for the same batch."""
    generator = torch.Generator().manual_seed(1_000 * held.seed + batch.index)
    return held.reader.read(batch, coins(held.rates, generator))
