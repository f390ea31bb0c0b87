"""LoRA: one low-rank product beside each frozen linear, shared by all tasks.

    W x + b + B A x        A [rank, in], B [out, rank], on q, k, v, o, up and down of both layers

Trained on the 48 tasks, whose instructions tell them apart, then on the examples of a new one. Rank 4 has
what one adapter of Poly's inventory has; rank 32 as many numbers as that inventory, and rank 36 as many
as eight experts with their routers.

**What to expect.** Written before measuring: at rank 32 and 36 it is the rival that is hard to beat.

**Ways to fake it.** A rival of another size, or one whose rate was not tuned as the others' was.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.moe.adapters.substrate.low_rank import lora
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="LoRA, shared by all tasks",
    paper="Hu et al., arXiv 2106.09685; the rival of MHR and DynMoLE",
    adapts="nothing: every token of every task goes through the same adapter",
    role="static",
    knobs=(Knob("rank", (4, 32, 36), 32, at="prepare"),),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the adapter that was trained on the 48 tasks."""
    kind = f"lora-{point['rank']}"
    return Start(bench, bench.start(kind, lora), few_shot_rate(kind))


solve = Start.adapt
