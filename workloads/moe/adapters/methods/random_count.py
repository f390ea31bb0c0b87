"""Random count: DynMoLE's experts, with its numbers of active experts dealt to other tokens.

The control of its entropy rule. At each linear and in each batch as many experts run as under DynMoLE, token by
token; but how many a token runs is another token's number, by lot. Which ones are still the best of its own.

**What to expect.** Written before measuring: within noise of DynMoLE; the number matters less than the
choice.

**Ways to fake it.** One number for all: that is MoLA.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate.lora_experts import auxiliary, dealt, experts, hybrid
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="DynMoLE with numbers of experts by lot",
    paper="our control of DynMoLE, arXiv 2504.00661",
    adapts="how many experts a token runs, by lot",
    role="control",
    control_of=("dynmole",),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read DynMoLE's experts."""
    select = dealt(hybrid())
    adapter = bench.start("dynmole", lambda weights: experts(weights, select, auxiliary()))
    return Start(bench, adapter, few_shot_rate("dynmole"))


solve = Start.adapt
