"""Multi-Head Adapter Routing: every block of an adapter is mixed by its own row.

Polytropon's inventory, S = 8 LoRAs of rank 4 a site, is cut into H = 8 heads along the features of its
input and output. A task mixes each head by itself:

    alpha_t = sigmoid(Z_t) [H, S], over its sum over S
    A_t[h] = sum_s alpha_ths A[h, s],  B_t[h] likewise, heads side by side
    y = W x + (1/r) B_t A_t x

A and B are as many numbers as Polytropon's; only Z is wider, by H. Mixing is in parameters and before the
product, so a token costs what one LoRA costs. On the 48 tasks A, B and Z are trained; for a new task a fresh row
of Z, and A, B and that row are trained on its examples. `mhr_z` trains the row alone, `mhr_mu` one adapter,
the mean of the inventory.

**What is simplified.** Sigmoids in training (as in the published T0 configuration; `peft` draws relaxed
Bernoulli variables), AdamW for Adafactor, Z at 30 times the adapters' rate (100 there). Instructions of
three words and a notation stand for those of a data set; tasks are 48 tables of seven numbers.

**What to expect.** Written before measuring: above Polytropon on the 48 tasks at 450 steps, as it learns them
sooner, and the lead melts with more steps; in few-shot accuracy above it by a little; gradients more aligned than
LoRA's, by little. LoRA of rank 32 is hard to beat.

**Ways to fake it.** Task ids in the prompt alone, so that the base learns the tasks without adapters; mixing
outputs in place of parameters; held-out tasks of unknown words, or identical to a training task; the adapters'
rate for Z; counts without Z.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.moe.adapters.substrate import inventory
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="Multi-Head Adapter Routing",
    paper="MHR, arXiv 2211.03831, NeurIPS 2023",
    slug="mhr",
    adapts="the mixture of adapter blocks that a task uses, head by head, by a learned row of the task",
    no_signal="a task's row is trained on its own examples; `shuffled_tasks` was trained with ids of other tasks",
    fidelity="code-confirmed",
    knobs=(
        Knob("heads", (8,), 8, at="prepare", also=(2, 4)),
        Knob("skills", (8,), 8, at="prepare", also=(4,)),
    ),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the inventory and draw a row for the new task."""
    kind = inventory.kind_of("mhr", heads=int(point["heads"]), skills=int(point["skills"]))
    rows = bench.generator("rows")
    adapter = bench.start(kind, lambda weights: inventory.for_new_task(weights, rows))
    return Start(bench, adapter, few_shot_rate("mhr"))


solve = Start.adapt
