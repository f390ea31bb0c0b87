"""Shuffled tasks: MHR whose pre-training gave each sequence the id of some task, by lot.

The control of what ids are worth. The same inventory, steps and batches as `mhr`, but the id that the router
sees is drawn anew for every sequence, so that no row can belong to a task. Few-shot adaptation is MHR's: a fresh row, and
A, B and the row are trained.

**What to expect.** Written before measuring: near a shared LoRA of rank 4 on the 48 tasks, as mixtures
stay alike; in few-shot accuracy below MHR.

**Ways to fake it.** One fixed permutation of all ids: ids are names, and other names change nothing.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate import inventory
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="MHR with ids by lot",
    paper="our control of MHR, arXiv 2211.03831",
    adapts="the mixture of adapter blocks, by ids that tell no task",
    role="control",
    control_of=("poly", "mhr", "mhr_z", "mhr_mu"),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the inventory and draw a row for the new task."""
    rows = bench.generator("rows")
    adapter = bench.start("mhr-shuffled", lambda weights: inventory.for_new_task(weights, rows))
    return Start(bench, adapter, few_shot_rate("mhr-shuffled"))


solve = Start.adapt
