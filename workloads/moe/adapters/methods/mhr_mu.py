"""MHR-mu: routing in pre-training alone; a new task fine-tunes the mean of the inventory.

    A = mean over s of A[:, s], B likewise, heads side by side: one LoRA of rank 4, without Z

`start=trained` goes on from the mean for 50 more steps on the 48 tasks before it meets a new one, which is what
zero-shot answers are taken from in the paper.

**What to expect.** Written before measuring: with 7,000 numbers within two points of MHR, which has eight
times as many; zero-shot above a shared LoRA of its size, and both not far from chance.

**Ways to fake it.** Training the mean for longer than its rivals, and not saying so.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.moe.adapters.substrate import inventory
from adabench.workloads.moe.adapters.substrate.low_rank import lora
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="MHR-mu",
    paper="MHR, arXiv 2211.03831, NeurIPS 2023",
    slug="mhr",
    adapts="nothing any more: what routing has learned, averaged into one adapter",
    no_signal="nothing adapts when it is solved; `shuffled_tasks` was trained with ids of other tasks",
    fidelity="code-confirmed",
    knobs=(Knob("start", ("mean", "trained"), "mean", at="prepare"),),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the inventory and average it, or read what was trained on from its mean."""
    if point["start"] == "trained":
        return Start(bench, bench.start("mhr-mu", lora), few_shot_rate("mhr-mu"))
    mean = bench.start("mhr", lambda weights: lora(inventory.mean_adapter(weights)))
    return Start(bench, mean, few_shot_rate("mhr-mu"))


solve = Start.adapt
