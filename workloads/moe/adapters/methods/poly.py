"""Polytropon: an inventory of adapters, and one mixture of them for each task.

Each site has S = 8 LoRAs of rank 4. A table Z has a row for each task; the sigmoids of a row, over their
sum, are the shares in which A and B of the inventory are mixed before they multiply (`inventory.py`).
On the 48 tasks everything is trained, Z at a higher rate. A new task gets a fresh row, and all of A, B and its
row are trained on the examples. It is MHR with one head, and what MHR is held against.

**What is simplified.** Sigmoids in training, where the original draws relaxed Bernoulli variables; ids of
tasks are known in training, and instructions name the tasks as well.

**What to expect.** Written before measuring: above LoRA of rank 4 on the 48 tasks, below MHR at 450 steps.

**Ways to fake it.** The adapters' rate for Z, so that mixtures stay uniform; a rival without Z in its count.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.moe.adapters.substrate import inventory
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="Polytropon",
    paper="Ponti et al., arXiv 2202.13914; the rival of MHR",
    adapts="the mixture of adapters that a task uses, by a learned row of the task",
    no_signal="a task's row is trained on its own examples; `poly_rand` has rows by lot",
    fidelity="code-confirmed",
    knobs=(Knob("skills", (8,), 8, at="prepare", also=(4,)),),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the inventory and draw a row for the new task."""
    kind = inventory.kind_of("poly", skills=int(point["skills"]))
    rows = bench.generator("rows")
    adapter = bench.start(kind, lambda weights: inventory.for_new_task(weights, rows))
    return Start(bench, adapter, few_shot_rate("poly"))


solve = Start.adapt
