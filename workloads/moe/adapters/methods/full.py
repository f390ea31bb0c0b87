"""Fine-tuning: all numbers of the base are trained.

The ceiling of this comparison, with learning rates of its own. `start=scratch` trains the same network from random
weights for as many steps: what the base's training is worth.

**What to expect.** Written before measuring: ahead of all adapters that train less than a tenth; it forgets plain
sequences. From scratch it learns next to nothing in 450 steps.

**Ways to fake it.** A rate that was tuned for adapters, which makes the ceiling low.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.moe.adapters.substrate.base_parts import own_part
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="Fine-tuning of all weights",
    paper="the ceiling of the PEFT survey, arXiv 2403.14608",
    slug="peft-survey",
    adapts="nothing: the same weights serve every token",
    role="static",
    knobs=(Knob("start", ("base", "scratch"), "base", at="prepare"),),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the network that was trained on the 48 tasks."""
    kind = "full" if point["start"] == "base" else "scratch"
    return Start(bench, bench.start(kind, own_part), few_shot_rate(kind))


solve = Start.adapt
