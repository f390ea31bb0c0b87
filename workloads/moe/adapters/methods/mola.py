"""MoLA: eight LoRA experts at each linear, of which every token runs the k best.

    p = softmax(gate x)      y = W x + sum over the k largest of p_e / (their sum) B_e A_e x

Experts of rank 4 and a router on q, k, v, o, up and down of both layers. The number of experts is the same in
both, and there is no balancing loss, as the authors of DynMoLE configure it: their rival. It is trained with
k = 2; other k run, and adapt, the same experts.

**What to expect.** Written before measuring: k = 2 above LoRA of equal size at equal steps by little, below it at
equal seconds, since gathering costs more than it saves at this width.

**Ways to fake it.** All experts evaluated and the work of two reported.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.moe.adapters.substrate.lora_experts import experts, top
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="MoLA: the k best of eight LoRA experts",
    paper="MoLA, arXiv 2402.08562, with equal layers; the rival of DynMoLE",
    adapts="nothing but which experts: every token runs equally many",
    role="static",
    knobs=(Knob("k", (2,), 2, at="prepare", also=(1, 4)),),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the experts that were trained on the 48 tasks."""
    select = top(int(point["k"]))
    adapter = bench.start("mola", lambda weights: experts(weights, select))
    return Start(bench, adapter, few_shot_rate("mola"))


solve = Start.adapt
