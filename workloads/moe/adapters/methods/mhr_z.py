"""MHR-z: a new task trains its row of Z, and no adapter.

The inventory of `mhr`, frozen. A fresh row for the new task, H S = 64 numbers a site, is all that is
trained, at the high rate of Z, and all that has to be stored of a task.

**What to expect.** Written before measuring: about half of MHR's gain over the base for 1.4 % of its
numbers; 80 % of it is not reached with an inventory that was trained for 450 steps.

**Ways to fake it.** A row that starts from that of a similar training task; adapters that move as well.
"""

from dataclasses import replace

from torch import Tensor

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate import inventory
from adabench.workloads.moe.adapters.substrate.adapter import Adapter
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="MHR-z",
    paper="MHR, arXiv 2211.03831, NeurIPS 2023",
    slug="mhr",
    adapts="the mixture of adapter blocks that a task uses; the adapters stay",
    no_signal="a task's row is trained on its own examples; `shuffled_tasks` was trained with ids of other tasks",
    fidelity="code-confirmed",
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the inventory, freeze it and draw a row for the new task."""
    rows = bench.generator("rows")

    def rows_alone(weights: dict[str, Tensor]) -> Adapter:
        adapter = inventory.for_new_task(weights, rows)
        return replace(adapter, still=inventory.names(adapter.weights, "a", "b", "z"))

    return Start(bench, bench.start("mhr", rows_alone), few_shot_rate("mhr-z"))


solve = Start.adapt
