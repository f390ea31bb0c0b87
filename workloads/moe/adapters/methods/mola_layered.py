"""MoLA's own best form: more experts in the higher layer, 4 and 12, of which a token runs two.

As many numbers as with eight in each. The fair rival of DynMoLE, beside the one that its authors report.

**What to expect.** Written before measuring: no different from equal layers; there are two of them.

**Ways to fake it.** More experts in all.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate.lora_experts import KEEP, experts, top
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="MoLA, more experts above",
    paper="MoLA, arXiv 2402.08562",
    adapts="nothing but which experts: every token runs two",
    role="static",
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the experts that were trained on the 48 tasks."""
    adapter = bench.start("mola-layered", lambda weights: experts(weights, top(KEEP)))
    return Start(bench, adapter, few_shot_rate("mola-layered"))


solve = Start.adapt
