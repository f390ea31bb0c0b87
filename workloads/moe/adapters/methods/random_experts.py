"""Random experts: two of eight LoRA experts for each token and linear, by lot.

The control of routing by token: as sparse as MoLA, trained and adapted under lots, without a router.

**What to expect.** Written before measuring: like one LoRA that was trained with noise; well below MoLA.

**Ways to fake it.** Lots over experts that a router has trained: those are strangers to each other.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate.lora_experts import KEEP, coin, experts
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="Two experts by lot",
    paper="our control of DynMoLE, arXiv 2504.00661, and of MoLA",
    adapts="which experts a token runs, by lot",
    role="control",
    control_of=("mola", "mola_layered", "dynmole"),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the experts that were trained under lots."""
    adapter = bench.start("mola-random", lambda weights: experts(weights, coin(KEEP)))
    return Start(bench, adapter, few_shot_rate("mola-random"))


solve = Start.adapt
