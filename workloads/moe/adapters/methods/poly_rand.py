"""Poly-rand: Polytropon's inventory under mixtures by lot.

The control of learned routing. A and B of `poly`, as trained; every row of Z, those of the 48 tasks and that of
the new one, is drawn anew from a normal of the spread that the trained rows have, and stays. A and B are trained
on the examples.

**What to expect.** Written before measuring: far below Polytropon on the 48 tasks, where rows were learned; after
few-shot adaptation below it by less, as A and B move.

**Ways to fake it.** Rows that are near uniform: that is the mean, and no lot.
"""

from dataclasses import replace

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate import inventory
from adabench.workloads.moe.adapters.substrate.adapter import Adapter
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="Polytropon under mixtures by lot",
    paper="the random control of MHR, arXiv 2211.03831",
    adapts="the mixture of adapters that a task uses, by lot",
    role="control",
    control_of=("poly", "mhr", "mhr_z", "mhr_mu"),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the inventory and draw all rows anew."""
    lots = bench.generator("lots")

    def by_lot(weights: dict[str, Tensor]) -> Adapter:
        adapter = inventory.for_new_task(weights, lots)
        spread = float(weights[inventory.ROWS].std())
        rows = {
            name: torch.randn(adapter.weights[name].shape, generator=lots) * spread
            for name in (inventory.ROWS, inventory.NEW_ROWS)
        }
        return replace(adapter, weights=adapter.weights | rows, still=frozenset(rows))

    return Start(bench, bench.start("poly", by_lot), few_shot_rate("poly-rand"))


solve = Start.adapt
