"""Informed routing: a position runs a unit, or takes a cheap forecast of what it would have added.

Every attention block and every MLP of a frozen model is a unit f. Beside it stand a forecaster q,
two linear maps d -> r -> d, and a router that sees the forecast as well as the state:

    m = [ w . (x ; q(x)) + b > 0 ]          h <- h + m f(x) + (1 - m) q(x)

A greedy router asks "does this position need the unit?" and skips it otherwise; an informed one
asks "how well could it be approximated?". One budget holds for all units together (`routers_and_forecasters.py`
has losses, data and the closed-form start of the forecasters; `unit_forward.py` runs fewer rows). q is
linear, so w . (x ; q(x)) is one map of x: the router sees the forecast before it is made, and it is
made for those that skip alone. At most 4 d r operations against 16 d^2 of an MLP, 3 % at d = 64 and
r = 8, and counted.

Keys and values are written for every position (a design choice; the paper does not say).

`sparsity` is the share of unit executions that training aims at; one router is shipped for each.
`shift` is added to every logit afterwards: more of it runs more.

**What is simplified.** No released code was found, so what the paper leaves open is ours: rank 8,
ridge and truncation, one budget, concatenation, the divergence to the full model in the loss.
200 steps of 32 sequences; no LoRA stage.

**What to expect.** Written before measuring: fillers and `=` are nearly linear in the state, so
0.6 of the units can go without a lost answer, and greedy skipping loses answers at 0.75. Random
decisions at the same rates lose most. The forecast's own cost, and keys and values for all, make
the saving in operations smaller than in units; realised speedup around 0.5 in prefill, below 0 in decode.

**On `pretrained` it is a variant, prepared from unlabelled text**: no router is trained by a loss, and
all claims there are our own. Forecasters (of rank 32 for SmolLM2) come in closed form (`closed_form_fit.py`), routers are
fitted to what skipping really costs (`skip_damage.py`), and forty steps train the forecasters with
the routers held (`refine.py`). Aimed at 0.15; other shares are the same routers at another price.

**Ways to fake it.** A greedy twin with fewer steps; sparsity of the MLPs alone; a forecast of
attention made from the executed attention; a soft mixture at evaluation; leaving the forecaster
out of the count.
"""

from adabench.harness.contract.card import (
    Card,
    Claim,
    Difference,
    Frontier,
    Knob,
    Point,
    Ratio,
    Variant,
)
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.trained.training_anew import train_if_asked
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import rule
from adabench.workloads.depth_width.substrate.units.unit_reader import UnitReader

CARD = Card(
    title="Informed routing",
    tasks=("ledger", "pretrained"),
    variants={
        "pretrained": Variant(
            sweep={"sparsity": (0.15,)}, title="Informed routing, prepared from unlabelled text"
        )
    },
    paper="Informed Routing in LLMs, arXiv 2510.13831, October 2025",
    slug="informed-routing",
    adapts="which attention blocks and MLPs a position runs, on how well each can be forecast",
    fidelity="reconstructed",
    skips_from="vanilla",
    knobs=(
        Knob("sparsity", (0.45, 0.6, 0.75), 0.6, at="prepare", open=True, low=0.01, high=0.99),
        Knob("training", ("shipped",), "shipped", at="prepare", open=True),
        Knob("shift", (0.0, 2.0, 4.0), 0.0, open=True, low=-20.0, high=20.0),
    ),
    claims=(
        Claim(
            id="ir-1",
            says="Its frontier of answers over operations lies above that of greedy skipping.",
            source="headline",
            paper="'state-of-the-art efficiency-performance trade-offs across multiple sparsity "
            "levels', without a number in the abstract; greedy routing is what it names",
            effect=None,
            expect=Frontier("flops_counted", "accuracy", against="greedy_skip", low=0.0),
        ),
        Claim(
            id="ir-work",
            says="At 0.6 it takes fewer operations than the full model, within a point.",
            source="headline",
            paper="'preserves model fidelity while drastically reducing computation', without a "
            "number",
            effect=None,
            expect=Ratio("flops_counted", against="vanilla", high=1.0, keeping={"accuracy": 0.01}),
        ),
        Claim(
            id="ir-2",
            says="Without fine-tuning it answers as much as greedy skipping with LoRA.",
            source="headline",
            paper="'even without final LoRA fine-tuning, our method matches or surpasses strong "
            "baselines that require full fine-tuning'; half a point is our margin",
            effect=None,
            expect=Difference(
                "accuracy", against="greedy_tuned", low=-0.005, where={"sparsity": 0.75}
            ),
        ),
        Claim(
            id="ir-3",
            says="Its training takes less than half the time of greedy skipping with LoRA, and it "
            "answers as much.",
            source="headline",
            paper="'all while reducing training time by over 50%'",
            effect=0.5,
            expect=Ratio(
                "prepare_cpu_s",
                against="greedy_tuned",
                keeping={"accuracy": 0.005},
                where={"sparsity": 0.75, "training": "anew"},
            ),
            apart_from=("greedy_skip", "random_units"),
        ),
        Claim(
            id="ir-hardest",
            says="At the hardest sparsity it answers more than greedy skipping.",
            source="own",
            paper="our bar: where plain skipping loses most",
            effect=None,
            expect=Difference("accuracy", against="greedy_skip", low=0.0, where={"sparsity": 0.75}),
        ),
        Claim(
            id="ir-lowest",
            says="Where greedy skipping has just lost three points (at 0.6) it answers more.",
            source="own",
            paper="our bar: the lowest sparsity at which the greedy twin has lost three points",
            effect=None,
            expect=Difference("accuracy", against="greedy_skip", low=0.0, where={"sparsity": 0.6}),
        ),
        Claim(
            id="ir-two-fifths",
            says="Two fifths fewer layer executions than the full model, within a point.",
            source="own",
            paper="our bar at the default sparsity of 0.6",
            effect=None,
            expect=Ratio("executions", against="vanilla", high=0.6, keeping={"accuracy": 0.01}),
        ),
        Claim(
            id="ir-random",
            says="Routing beats random routing at the same rates, forecasts included, in every batch.",
            source="check",
            paper="the control: what forecasts keep whoever is chosen",
            effect=None,
            expect=Ratio(
                "accuracy", against="random_units", low=1.0, every=True, where={"sparsity": 0.6}
            ),
        ),
        Claim(
            id="ir-random-trained",
            says="It answers more than forecasts trained under random routing at its rates.",
            source="own",
            paper="the harder control: forecasters that have learned to live with random routing",
            effect=None,
            expect=Difference(
                "accuracy", against="random_units", low=0.0, there={"weights": "coins"}
            ),
        ),
        Claim(
            id="ir-blind",
            says="A router that does not see the forecast answers less at equal sparsity.",
            source="own",
            paper="the ablation of the idea: what seeing the forecast is worth",
            effect=None,
            expect=Difference(
                "accuracy", against="blind_routing", low=0.0, where={"sparsity": 0.75}
            ),
        ),
        Claim(
            id="ir-operands",
            says="Operands, where the value is computed, run more units than fillers.",
            source="own",
            paper="our substrate knows who needs depth",
            effect=None,
            expect=Ratio("operand_over_filler", against="vanilla", low=1.0),
        ),
        Claim(
            id="ir-5",
            says="At width 128 reading takes 0.78 of the full model's time at most.",
            source="own",
            paper="our bar: half of the saved operations become time (0.56 of them are left)",
            effect=None,
            expect=Ratio(
                "latency_s", against="vanilla", high=0.78, where={"sparsity": 0.6, "width": 128}
            ),
        ),
        Claim(
            id="ir-real",
            says="A pretrained model runs 15 % fewer layers within 1 % of its nats a token.",
            source="own",
            paper="our bar for a pretrained model",
            effect=None,
            expect=Ratio(
                "executions",
                against="vanilla",
                high=0.85,
                keeping={"nll_token": 0.036},
                where={"sparsity": 0.15},
            ),
            decided_on="pretrained",
        ),
        Claim(
            id="ir-real-greedy",
            says="On real text it loses less than greedy skipping aimed at the same share.",
            source="own",
            paper="our check of ir-1 on a pretrained model, whose routers are fitted otherwise",
            effect=None,
            expect=Difference(
                "nll_token",
                against="greedy_skip",
                high=0.0,
                keeping={"executions": 0.3},
                where={"sparsity": 0.15},
            ),
            decided_on="pretrained",
        ),
        Claim(
            id="ir-real-static",
            says="On real text its frontier over operations lies above that of a thinned model.",
            source="own",
            paper="our static rival: the same forecasts, the same units for everyone",
            effect=None,
            expect=Frontier("flops_counted", "accuracy", against="static_units", low=0.0),
            decided_on="pretrained",
        ),
        Claim(
            id="ir-real-random",
            says="On real text routing loses less than random routing at the same rates.",
            source="check",
            paper="the control: what forecasts keep whoever is chosen",
            effect=None,
            expect=Ratio(
                "nll_token", against="random_units", high=1.0, every=True, where={"sparsity": 0.15}
            ),
            decided_on="pretrained",
        ),
        Claim(
            id="ir-real-time",
            says="On real text reading takes 5 % less time than the whole model's.",
            source="own",
            paper="our bar: half of the saved operations become time",
            effect=None,
            expect=Ratio("latency_s", against="vanilla", high=0.95, where={"sparsity": 0.15}),
            decided_on="pretrained",
        ),
    ),
)


def prepare(task: StreamTask, point: Point, seed: int) -> UnitReader:
    """Restore the routers and forecasters that were trained for this sparsity."""
    name = f"informed-{round(100 * float(point['sparsity']))}"
    train_if_asked(task, name, point)
    return task.unit_reader(name)


def solve(reader: UnitReader, batch: Batch, point: Point) -> Answer:
    """Read the batch; each position's units are decided from its own state."""
    return reader.read(batch, rule(reader.fitted.parts, float(point["shift"])))
