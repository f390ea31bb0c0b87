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

from dataclasses import replace

from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.moe.adapters.substrate import inventory
from adabench.workloads.moe.adapters.substrate.adapter import Adapter
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
    fixed={"ids": "tasks", "trains": "adapters"},
    variants=(
        Variant(
            "mhr_z",
            "MHR-z",
            {"trains": "rows", "heads": 8, "skills": 8},
            role="adaptive",
            adapts="the mixture of adapter blocks that a task uses; the adapters stay",
            paper="MHR, arXiv 2211.03831, NeurIPS 2023",
            slug="mhr",
            essay="""MHR-z: a new task trains its row of Z, and no adapter.

            The inventory of `mhr`, frozen. A fresh row for the new task, H S = 64 numbers a site, is all that is
            trained, at the high rate of Z, and all that has to be stored of a task.

            **What to expect.** Written before measuring: about half of MHR's gain over the base for 1.4 % of its
            numbers; 80 % of it is not reached with an inventory that was trained for 450 steps.

            **Ways to fake it.** A row that starts from that of a similar training task; adapters that move as well.
            """,
        ),
        Variant(
            "shuffled_tasks",
            "MHR with ids by lot",
            {"ids": "lot", "heads": 8, "skills": 8},
            adapts="the mixture of adapter blocks, by ids that tell no task",
            paper="our control of MHR, arXiv 2211.03831",
            control_of=("poly", "mhr", "mhr_z", "mhr_mu"),
            essay="""Shuffled tasks: MHR whose pre-training gave each sequence the id of some task, by lot.

            The control of what ids are worth. The same inventory, steps and batches as `mhr`, but the id that the router
            sees is drawn anew for every sequence, so that no row can belong to a task. Few-shot adaptation is MHR's: a fresh row, and
            A, B and the row are trained.

            **What to expect.** Written before measuring: near a shared LoRA of rank 4 on the 48 tasks, as mixtures
            stay alike; in few-shot accuracy below MHR.

            **Ways to fake it.** One fixed permutation of all ids: ids are names, and other names change nothing.
            """,
        ),
    ),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the inventory and draw a row for the new task; `trains=rows` freezes the rest."""
    name = "mhr" if point["ids"] == "tasks" else "mhr-shuffled"
    kind = inventory.kind_of(name, heads=int(point["heads"]), skills=int(point["skills"]))
    lots, rows_alone = bench.generator("rows"), point["trains"] == "rows"

    def read(weights: dict[str, Tensor]) -> Adapter:
        adapter = inventory.for_new_task(weights, lots)
        frozen = inventory.names(adapter.weights, "a", "b", "z")
        return replace(adapter, still=frozen) if rows_alone else adapter

    rate = few_shot_rate("mhr-z" if rows_alone else name)
    return Start(bench, bench.start(kind, read), rate)


solve = Start.adapt
