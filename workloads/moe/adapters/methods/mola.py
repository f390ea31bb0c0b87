"""MoLA: eight LoRA experts at each linear, of which every token runs the k best.

    p = softmax(gate x)      y = W x + sum over the k largest of p_e / (their sum) B_e A_e x

Experts of rank 4 and a router on q, k, v, o, up and down of both layers. The number of experts is the same in
both, and there is no balancing loss, as the authors of DynMoLE configure it: their rival. It is trained with
k = 2; other k run, and adapt, the same experts.

**What to expect.** Written before measuring: k = 2 above LoRA of equal size at equal steps by little, below it at
equal seconds, since gathering costs more than it saves at this width.

**Ways to fake it.** All experts evaluated and the work of two reported.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.moe.adapters.substrate.lora_experts import coin, every, experts, top
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="MoLA: the k best of eight LoRA experts",
    paper="MoLA, arXiv 2402.08562, with equal layers; the rival of DynMoLE",
    adapts="nothing but which experts: every token runs equally many",
    role="static",
    knobs=(Knob("k", (2,), 2, at="prepare", also=(1, 4)),),
    fixed={"kind": "mola"},
    variants=(
        Variant(
            "mola_layered",
            "MoLA, more experts above",
            {"kind": "mola-layered", "k": 2},
            role="static",
            adapts="nothing but which experts: every token runs two",
            paper="MoLA, arXiv 2402.08562",
            essay="""MoLA's own best form: more experts in the higher layer, 4 and 12, of which a token runs two.

            As many numbers as with eight in each. The fair rival of DynMoLE, beside the one that its authors report.

            **What to expect.** Written before measuring: no different from equal layers; there are two of them.

            **Ways to fake it.** More experts in all.
            """,
        ),
        Variant(
            "soft",
            "Soft routing over all experts",
            {"kind": "soft", "k": 0},
            role="static",
            adapts="nothing: every token runs all experts",
            paper="LoRAMoE, arXiv 2312.09979; the uncertain case of DynMoLE for everybody",
            essay="""Soft routing: every token runs all eight experts, weighted by their chances.

            What DynMoLE does for tokens whose router is uncertain, done for all (LoRAMoE); its ceiling, and four times
            the experts' work of MoLA.

            **What to expect.** Written before measuring: at equal steps no better than the two best.

            **Ways to fake it.** A comparison by steps alone.
            """,
        ),
        Variant(
            "random_experts",
            "Two experts by lot",
            {"kind": "mola-random", "k": 2},
            adapts="which experts a token runs, by lot",
            paper="our control of DynMoLE, arXiv 2504.00661, and of MoLA",
            control_of=("mola", "mola_layered", "dynmole"),
            essay="""Random experts: two of eight LoRA experts for each token and linear, by lot.

            The control of routing by token: as sparse as MoLA, trained and adapted under lots, without a router.

            **What to expect.** Written before measuring: like one LoRA that was trained with noise; well below MoLA.

            **Ways to fake it.** Lots over experts that a router has trained: those are strangers to each other.
            """,
        ),
    ),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the experts that were trained on the 48 tasks."""
    kind, k = str(point["kind"]), int(point["k"])
    select = {"soft": every, "mola-random": coin(k)}.get(kind, top(k))
    adapter = bench.start(kind, lambda weights: experts(weights, select))
    return Start(bench, adapter, few_shot_rate(kind))


solve = Start.adapt
