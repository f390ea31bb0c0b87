"""Random ranks: AdaLoRA's ranks, dealt to the weights by lot.

The control of rank allocation. The ranks that AdaLoRA of the same training ended with are shuffled over the sites,
and such triplets are trained from the first step, with the same penalty, and none is cut.

**What to expect.** Written before measuring: no worse than AdaLoRA.

**Ways to fake it.** Ranks by lot that add up to less.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate.rank_allocation import triplets
from adabench.workloads.moe.adapters.substrate.survey_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="Ranks by lot",
    paper="our control of AdaLoRA in the PEFT survey, arXiv 2403.14608",
    adapts="the rank of each weight's update, by lot",
    role="control",
    control_of=("adalora",),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the triplets that were trained on the 48 tasks."""
    return Start(bench, bench.start("random-ranks", triplets), few_shot_rate("random-ranks"))


solve = Start.adapt
