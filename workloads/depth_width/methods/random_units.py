"""Random units: informed routing with random routers in place of its own.

The control. The same frozen model and forecasters, and every unit runs for the same share of the
positions as the trained router lets run, measured on calibration sequences that no score is
taken on. What this keeps, the forecasts keep whoever is chosen.

`weights=coins` is the harder control: forecasters that were trained under random routing at these rates,
as long as the method's were under its routers (`adabench train unit-coins-60-s0`).

**What to expect.** Written before measuring: a third to a half of the answers at 0.6; in a
prototype random routing at these rates left 0.14 to 0.36.

**Ways to fake it.** Other rates than the method's, one rate for all units, or no forecast.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, OnTask, Point
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.trained.training_anew import trained_with_coins
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import (
    Parts,
    chosen,
    rule,
)
from adabench.workloads.depth_width.substrate.units.unit_forward import Choice, Rule
from adabench.workloads.depth_width.substrate.units.unit_reader import UnitReader
from adabench.workloads.depth_width.substrate.work_counter import Work

CARD = Card(
    title="Random units at informed routing's rates",
    tasks=("ledger", "pretrained"),
    on_task={"pretrained": OnTask(sweep={"sparsity": (0.15,)})},
    adapts="which attention blocks and MLPs a position runs, at random",
    role="control",
    knobs=(
        Knob("sparsity", (0.45, 0.6, 0.75), 0.6, at="prepare", open=True, low=0.01, high=0.99),
        Knob("weights", ("method",), "method", at="prepare", open=True),
    ),
)


@dataclass(frozen=True)
class Coins:
    """A reader, and how often each unit ran under the trained routers."""

    reader: UnitReader
    rates: tuple[float, ...]
    seed: int


def prepare(task: StreamTask, point: Point, seed: int) -> Coins:
    """Restore informed routing's parts and measure its rates."""
    percent = round(100 * float(point["sparsity"]))
    reader = task.unit_reader(f"informed-{percent}")
    batch = task.calibration()
    answer = replace(reader, mode="prefill").read(batch, rule(reader.fitted.parts))
    shares = rates(answer, batch.tokens.size)
    if trained_with_coins(point):
        reader = task.unit_reader(f"unit-coins-{percent}")
    return Coins(reader, shares, seed)


def rates(answer: Answer, positions: int) -> tuple[float, ...]:
    """Return the share of the positions that ran each unit."""
    counts = [0] * (2 * answer.unrolled)
    for _, work in answer.works:
        for unit, flat in work.runs:
            counts[unit] += len(flat)
    return tuple(count / positions for count in counts)


def solve(coins: Coins, batch: Batch, point: Point) -> Answer:
    """Read the batch with coins; the same coins for the same batch."""
    generator = torch.Generator().manual_seed(1_000 * coins.seed + batch.index)
    return coins.reader.read(batch, tossed(coins.reader.fitted.parts, coins.rates, generator))


def tossed(parts: Parts, rates: tuple[float, ...], generator: torch.Generator) -> Rule:
    """Return the rule that runs each unit at its rate, with the method's forecasts."""

    def decide(unit: int, rows: Tensor, work: Work) -> Choice:
        predicted = parts.forecast(unit, rows)
        if predicted is not None:
            work.flops += 4 * len(rows) * rows.shape[-1] * parts.rank
        tossed = torch.rand(len(rows), generator=generator, device="cpu").to(rows.device)
        return chosen(tossed < rates[unit], predicted, work)

    return decide
