"""Random gate: Hecto's experts, chosen at random, the GRU as often as its gate takes it.

The control. Same weights, same engine, and the same share of queries to the GRU, measured on queries
that no score is taken on. Random draws read no summary and cost no operations; their mutual information with the
kind of a question is what chance gives.

`weights=coins` is the harder control: experts that were trained under a random gate from the start, so that each
has learned to answer everything (`adabench train 'classify/coins-s[0-4]'`).

**What to expect.** Written before measuring: about 60 % on sequences, as experts that were never asked
one kind of question fail at it; trained under a random gate, halfway between the two static experts.

**Ways to fake it.** Another share than the gate's.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.classify.substrate.experts import preset_gate, top_1_gate
from adabench.workloads.depth_width.classify.substrate.reading import (
    QUICK,
    ClassifyTask,
    QuerySet,
    Reader,
    Reading,
)
from adabench.workloads.depth_width.substrate.trained.training_anew import trained_with_coins

CARD = Card(
    title="Random gate at Hecto's shares",
    adapts="which expert answers a query, at random",
    role="control",
    knobs=(Knob("weights", ("method",), "method", at="prepare", open=True),),
)


@dataclass(frozen=True)
class Coins:
    """A reader, and how often each expert ran under Hecto's gate."""

    reader: Reader
    rates: Tensor
    seed: int


def prepare(task: ClassifyTask, point: Point, seed: int) -> Coins:
    """Restore Hecto's experts and measure the shares of its gate."""
    own = task.reader("hecto")
    quick = Reader(own.encoder, own.mixture, QUICK)
    rates = quick.read(task.calibration(), top_1_gate(own.mixture)).runs().double().mean(0)
    reader = task.reader("coins") if trained_with_coins(point) else own
    return Coins(reader, rates, seed)


def solve(coins: Coins, case: QuerySet, point: Point) -> Reading:
    """Answer each query by an expert draw_seeded for it; the same coins for the same set."""
    generator = torch.Generator().manual_seed(1_000 * coins.seed + max(0, case.index))
    queries, experts = len(case.questions.lengths), len(coins.rates)
    draw_seeded = torch.multinomial(coins.rates, queries, True, generator=generator)
    return coins.reader.read(case, preset_gate(draw_seeded, experts))
