"""Soft routing: every token runs all eight experts, weighted by their chances.

What DynMoLE does for tokens whose router is uncertain, done for all (LoRAMoE); its ceiling, and four times
the experts' work of MoLA.

**What to expect.** Written before measuring: at equal steps no better than the two best.

**Ways to fake it.** A comparison by steps alone.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate.lora_experts import every, experts
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="Soft routing over all experts",
    paper="LoRAMoE, arXiv 2312.09979; the uncertain case of DynMoLE for everybody",
    adapts="nothing: every token runs all experts",
    role="static",
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the experts that were trained on the 48 tasks."""
    adapter = bench.start("soft", lambda weights: experts(weights, every))
    return Start(bench, adapter, few_shot_rate("soft"))


solve = Start.adapt
