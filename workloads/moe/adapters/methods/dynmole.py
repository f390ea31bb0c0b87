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

from adabench.harness.contract.card import (
    Card,
    Claim,
    Difference,
    Knob,
    Level,
    Monotone,
    OutOfReach,
    Point,
    Ratio,
)
from adabench.workloads.moe.adapters.substrate.lora_experts import (
    BALANCE,
    ENTROPY,
    auxiliary,
    experts,
    hybrid,
)
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import (
    AdaptationCase,
    Adapted,
    Start,
    Workbench,
)

CARD = Card(
    title="DynMoLE",
    paper="DynMoLE, arXiv 2504.00661, April 2025",
    slug="dynmole",
    adapts="how many LoRA experts a token runs at each linear, on the entropy of its router",
    fidelity="code-confirmed",
    knobs=(
        Knob("threshold", (0.3, 0.9, 1.5), 0.9, at="prepare", open=True, low=0.0),
        Knob("top_p", (0.75,), 0.75, at="prepare", open=True, low=0.0, high=1.0),
        Knob("q", (1.1,), 1.1, at="prepare", open=True, low=0.01, high=2.0),
        Knob("balance", ("counts",), "counts", at="prepare", also=("weights",)),
        Knob("entropy", ("on", "off"), "on", at="prepare"),
    ),
    claims=(
        Claim(
            id="dm-1",
            says="On the tasks that it was tuned on it answers 9.6 % more than LoRA of equal size.",
            source="headline",
            paper="outperforming LoRA by 9.6 % (average over commonsense sets)",
            effect=1.096,
            expect=Ratio("accuracy_seen", against="lora", there={"rank": 36}),
            requires=("dm-1-size",),
        ),
        Claim(
            id="dm-1-size",
            says="It trains as many numbers as that LoRA, within 2 %.",
            source="check",
            paper="our condition of a comparison",
            effect=None,
            expect=Ratio(
                "trained_parameters", against="lora", low=0.98, high=1.02, there={"rank": 36}
            ),
        ),
        Claim(
            id="dm-2",
            says="On the tasks that it was tuned on it answers 2.3 % more than MoLA.",
            source="headline",
            paper="surpassing the state-of-the-art MoLE method, MoLA, by 2.3 %",
            effect=1.023,
            expect=Ratio("accuracy_seen", against="mola", there={"k": 2}),
        ),
        Claim(
            id="dm-2-layered",
            says="It answers no less than MoLA with more experts above, by half a point.",
            source="own",
            paper="our criterion: MoLA's own best form is the fair rival",
            effect=None,
            expect=Difference("accuracy_seen", against="mola_layered", low=-0.005),
        ),
        Claim(
            id="dm-1-seconds",
            says="It answers more than LoRA of equal size where both were tuned for equal processor time.",
            source="own",
            paper="our criterion: equal steps are not equal time",
            effect=None,
            expect=Difference(
                "accuracy_seen",
                against="lora",
                low=0.0,
                where={"budget": "seconds"},
                there={"rank": 36},
            ),
        ),
        Claim(
            id="dm-convergence",
            says="The area under its learning curve is smaller than MoLA's.",
            source="headline",
            paper="the hybrid strategy leads to faster convergence; no number",
            effect=None,
            expect=Ratio("loss_mean", against="mola", high=1.0),
            apart_from=("random_experts",),
        ),
        Claim(
            id="dm-load",
            says="Its busiest experts are nearer an even share than MoLA's.",
            source="headline",
            paper="promotes more equitable expert participation; no number",
            effect=None,
            expect=Ratio("load_peak", against="mola", high=1.0),
            apart_from=("random_experts",),
        ),
        Claim(
            id="dm-3",
            says="The entropy loss lowers the area under the learning curve.",
            source="headline",
            paper="an auxiliary loss based on Tsallis entropy guides the model toward convergence; no number",
            effect=None,
            expect=Ratio("loss_mean", against="dynmole", high=1.0, there={"entropy": "off"}),
            apart_from=(),
            no_rival="it is held against itself without the loss",
        ),
        Claim(
            id="dm-uncertainty",
            says="With the entropy loss routers are more certain at the end of training than without it.",
            source="headline",
            paper="with reduced uncertainty; no number",
            effect=None,
            expect=Ratio("router_entropy", against="dynmole", high=1.0, there={"entropy": "off"}),
            apart_from=(),
            no_rival="it is held against itself without the loss",
        ),
        Claim(
            id="dm-stability",
            says="With the entropy loss the loss swings less from step to step.",
            source="headline",
            paper="thereby improving training stability; no number, no measure",
            effect=None,
            expect=Ratio("loss_swing", against="dynmole", high=1.0, there={"entropy": "off"}),
            apart_from=(),
            no_rival="it is held against itself without the loss",
        ),
        Claim(
            id="dm-entropy-loss",
            says="With the entropy loss it answers more.",
            source="headline",
            paper="and performance; no number in the abstract",
            effect=None,
            expect=Difference(
                "accuracy_seen", against="dynmole", low=0.0, there={"entropy": "off"}
            ),
            apart_from=(),
            no_rival="it is held against itself without the loss",
        ),
        Claim(
            id="dm-fewer",
            says="With the entropy loss fewer experts run at the end of training than without it.",
            source="own",
            paper="what certain routers are to save",
            effect=None,
            expect=Ratio("active_last", against="dynmole", high=1.0, there={"entropy": "off"}),
            apart_from=(),
        ),
        Claim(
            id="dm-falls",
            says="The experts that a token runs fall in training.",
            source="own",
            paper="what the entropy loss and the rule are for",
            effect=None,
            expect=Level("active_fall", low=0.0),
            apart_from=("mola",),
        ),
        Claim(
            id="dm-more-than-two",
            says="At the end of training tokens run more than two experts.",
            source="own",
            paper="else the rule is top-2",
            effect=None,
            expect=Level("active_last", low=2.0, above=2.0),
            apart_from=("mola",),
        ),
        Claim(
            id="dm-less-than-all",
            says="At the end of training tokens run less than all eight experts.",
            source="own",
            paper="else the rule is soft routing",
            effect=None,
            expect=Level("idle_last", low=0.0),
            apart_from=("soft",),
        ),
        Claim(
            id="dm-classes",
            says="Words of instructions run other numbers of experts than numbers do.",
            source="own",
            paper="our criterion: does the count follow what a token is?",
            effect=None,
            expect=Level("active_apart", low=0.05),
            apart_from=("mola",),
        ),
        Claim(
            id="dm-dial",
            says="A higher threshold runs fewer experts.",
            source="check",
            paper="the rule's own dial",
            effect=None,
            expect=Monotone("active_experts_seen", over="threshold", rising=False, tolerance=0.01),
        ),
        Claim(
            id="dm-count",
            says="It answers more than with its numbers of experts dealt to tokens by lot.",
            source="own",
            paper="our control: is the entropy worth anything?",
            effect=None,
            expect=Difference("accuracy_seen", against="random_count", low=0.0),
        ),
        Claim(
            id="dm-scale",
            says="It outperforms LoRA and MoLA on eight commonsense sets with a 7 B model.",
            source="headline",
            paper="ARC, BoolQ, OBQA, PIQA, SIQA, HellaSwag, WinoGrande; Llama-2-7B class",
            effect=None,
            expect=OutOfReach("needs a language model of 7 B parameters and its training"),
            scale="paper",
        ),
    ),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the experts that were trained on the 48 tasks."""
    q, by = float(point["q"]), str(point["balance"])
    kind = "dynmole" if point["entropy"] == "on" else "dynmole-plain"
    entropy = ENTROPY if point["entropy"] == "on" else 0.0
    select = hybrid(float(point["threshold"]), float(point["top_p"]), q)
    losses = auxiliary(entropy, BALANCE, by, q)
    adapter = bench.start(kind, lambda weights: experts(weights, select, losses))
    return Start(bench, adapter, few_shot_rate("dynmole"))


def solve(start: Start, case: AdaptationCase, point: Point) -> Adapted:
    """Train it on the examples."""
    return start.adapt(case)
