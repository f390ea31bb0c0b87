"""DoRA: LoRA in the direction of each row of a weight, and the length of the row trained by itself.

    y = b + m / |W + B A| * (W + B A) x        rank 4; m [out], the lengths of the frozen rows at first

Lengths are constants in the backward, as in its paper. The survey's claims on memory and merging are held to
it, as it stands for what reparametrises weights.

**What to expect.** Written before measuring: like LoRA of rank 4, by a little more numbers; beside the weights it reads
half as slow again, merged as fast as the base; its optimiser takes an eighth of fine-tuning's bytes and its
activations more than fine-tuning's, so that all in all it saves less than half. Eight tasks with one or eight
requests each are served faster together than by swapping, and with 64 each about as fast.

**Ways to fake it.** Memory by formula; gradients of frozen weights computed and left out; merged claimed and
beside the weights timed; little forgotten because little was learned; swaps that are slower than they must be.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.weight_decomposition import dora
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="DoRA",
    paper="PEFT survey, arXiv 2403.14608, TMLR 2024",
    slug="peft-survey",
    adapts="nothing: every token goes through the same weights",
    role="static",
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the adapter that was trained on the 48 tasks."""
    return Start(bench, bench.start("dora", dora), few_shot_rate("dora"))


solve = Start.adapt
