"""DynMoLE: a token runs few LoRA experts where its router is certain, and all where it is not.

At each adapted linear, p = softmax(gate x) over E = 8 experts of rank 4, and Tsallis entropy

    S_q(p) = (1 - sum_e p_e^q) / (q - 1),  q = 1.1: 0 for one certain expert, 1.88 for an even choice
    run the experts whose cumulative p, largest first, is at most 0.75, and the two largest in any case;
    if S_q(p) > threshold = 0.9, run all
    y = W x + sum over those that run of p_e B_e A_e x           (p is not divided by its sum)

In training two losses are added, 0.01 x the mean entropy, which makes routers certain and so saves experts, and
0.001 x E sum_e f_e P_e, which spreads their load; f_e are shares of the two best (`balance=counts`) or mean
weights (`weights`, in the adaptation). `entropy=off` was trained without the first.

The released layer computes all experts and multiplies by zero. Here pairs of a token and an expert that runs are
gathered and multiplied, and `active_experts` counts them there.

**What is simplified.** Two layers of width 48, 48 tasks of seven numbers for eight sets of commonsense
questions; alpha / r is 1.

**What to expect.** Written before measuring: more than two and less than eight active experts, falling in training;
on the 48 tasks below MoLA and LoRA of equal size at 450 steps, as small p shrink its updates; the entropy loss hardly
moves the learning curve, makes routers more certain, and changes no swing of the loss. Neither +9.6 % nor +2.3 % here;
a load more even than MoLA's, as many tokens run all.

**Ways to fake it.** All experts evaluated and few reported; a low threshold for quality and a high one for cost;
unequal numbers of parameters, or a LoRA whose rate was not tuned; weights divided by their sum in one arm alone;
E x top-p in place of counted pairs.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.moe.adapters.substrate.lora_experts import (
    BALANCE,
    ENTROPY,
    auxiliary,
    dealt,
    experts,
    hybrid,
)
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="DynMoLE",
    paper="DynMoLE, arXiv 2504.00661, April 2025",
    slug="dynmole",
    adapts="how many LoRA experts a token runs at each linear, on the entropy of its router",
    no_signal="a run has one case, of many tokens; `random_count` deals their numbers of experts to other tokens",
    fidelity="code-confirmed",
    knobs=(
        Knob("threshold", (0.3, 0.9, 1.5), 0.9, at="prepare", open=True, low=0.0),
        Knob("top_p", (0.75,), 0.75, at="prepare", open=True, low=0.0, high=1.0),
        Knob("q", (1.1,), 1.1, at="prepare", open=True, low=0.01, high=2.0),
        Knob("balance", ("counts",), "counts", at="prepare", also=("weights",)),
        Knob("entropy", ("on", "off"), "on", at="prepare"),
    ),
    fixed={"counts": "learned"},
    variants=(
        Variant(
            "random_count",
            "DynMoLE with numbers of experts by lot",
            {
                "counts": "dealt",
                "threshold": 0.9,
                "top_p": 0.75,
                "q": 1.1,
                "balance": "counts",
                "entropy": "on",
            },
            adapts="how many experts a token runs, by lot",
            paper="our control of DynMoLE, arXiv 2504.00661",
            control_of=("dynmole",),
            essay="""Random count: DynMoLE's experts, with its numbers of active experts dealt to other tokens.

            The control of its entropy rule. At each linear and in each batch as many experts run as under DynMoLE, token by
            token; but how many a token runs is another token's number, by lot. Which ones are still the best of its own.

            **What to expect.** Written before measuring: within noise of DynMoLE; the number matters less than the
            choice.

            **Ways to fake it.** One number for all: that is MoLA.
            """,
        ),
    ),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the experts that were trained on the 48 tasks."""
    q, by = float(point["q"]), str(point["balance"])
    kind = "dynmole" if point["entropy"] == "on" else "dynmole-plain"
    entropy = ENTROPY if point["entropy"] == "on" else 0.0
    select = hybrid(float(point["threshold"]), float(point["top_p"]), q)
    if point["counts"] == "dealt":
        select = dealt(select)
    losses = auxiliary(entropy, BALANCE, by, q)
    adapter = bench.start(kind, lambda weights: experts(weights, select, losses))
    return Start(bench, adapter, few_shot_rate("dynmole"))


solve = Start.adapt
