"""Fresh LoRA: a new adapter for each new task, from nothing but its examples.

What pre-training on other tasks is held against, and what a method that has none is compared with.

**What to expect.** Written before measuring: what 32 examples tell, and no more.

**Ways to fake it.** More steps than the others have, or examples of the tests.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.moe.adapters.substrate.low_rank import fresh_lora
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="LoRA for one task, from nothing",
    paper="Hu et al., arXiv 2106.09685",
    adapts="nothing: every token goes through the same adapter",
    role="static",
    knobs=(Knob("rank", (4,), 4, at="prepare", open=True, low=1, high=48),),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Make an untrained adapter."""
    adapter = fresh_lora(int(point["rank"]), bench.generator("fresh"), bench.base().sites)
    return Start(bench, adapter, few_shot_rate("fresh"))


solve = Start.adapt
