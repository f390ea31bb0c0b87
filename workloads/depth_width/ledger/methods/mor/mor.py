"""Mixture-of-Recursions: a router decides how often a shared block is applied to each token.

Middle cycle: a unique first and last layer around a shared pair of layers (Phi), run up to
N_r = 3 times. Expert choice, the published setting: recursion r has a linear router and

    g_t = alpha sigmoid(theta_r . h_t)          h_t <- h_t + g_t Phi(h)_t   for the chosen

with alpha = 0.1. Candidates are those chosen at r - 1. *Training* takes the top c_r T of each
sequence, sorted back into order, and a binary cross-entropy (coefficient 0.001) that pushes
the chosen above 0.5 and the rest below. *Here and in decode* the rule is causal: a token goes
on if its sigmoid exceeds a fixed threshold. Top-k over a sequence would look at its future; the
released forward does so in evaluation and is not copied. Where the capacity is 1 nobody is
asked. *Token choice* classifies once, at the first block: depth = argmax, and the
last output is added with the winner's probability.

`rule=half`, the default, is the published threshold, 0.5 at every recursion. `rule=capacity`
calibrates one threshold per recursion on unlabelled sequences so that recursion r keeps c_r of
the positions (`threshold_calibration.py`); it is ours. `threshold` multiplies the odds of whatever the
rule set: at 0.5 it changes nothing, and under `half` it is the threshold itself.

Keys and values: recursion-wise (each depth sees those active at that depth) or shared (later
recursions read those of the first). `gathered_forward.py` runs only the chosen rows.

**What is simplified.** Width 64, four distinct layers, 1000 steps. Capacity falls from 1 to
c_r along a cosine over the first half of training: the paper's code has this warm-up and its
published run leaves it off. No depth-wise batching across requests.

**What to expect.** Written before measuring. By the capacities, 8 -> 6 layers a token (-25 %).
Operands need depth and fillers do not, so the router should send operands deepest, later
ones deeper, and lose nothing. Random routing loses half of the answers. Against uniform
*vanilla* depth little is to be won: six untied layers solve the task too, at the same cost.
Realised speedup near 0.5 at width 64, where gathering eats half of the saving; below 0 in decode, where
time is calls and not rows, unless a whole stage is left out.

**Ways to fake it.** Masking instead of gathering; top-k at inference; keys of inactive tokens
computed on the quiet; quoting the capacity as the saving without routers and gathers; a
recursion nobody takes.
"""

from dataclasses import dataclass

from adabench.harness.contract.card import (
    Card,
    Claim,
    Difference,
    Knob,
    OutOfReach,
    Point,
    Ratio,
)
from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.ledger.methods.mor.threshold_calibration import (
    calibrated,
    shifted,
)
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.gathered_forward import Answer, Policy
from adabench.workloads.depth_width.substrate.readers import GATHERED_TILE, Batch, Reader
from adabench.workloads.depth_width.substrate.recursion_routing import (
    CAPACITIES,
    threshold,
    thresholds,
    token_choice,
)
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.trained.training_anew import train_if_asked

CARD = Card(
    title="Mixture-of-Recursions",
    paper="Bae et al., Mixture-of-Recursions, arXiv 2507.10524, NeurIPS 2025",
    slug="mor",
    adapts="how often a shared block is applied to a token, on a linear score of its state",
    fidelity="code-confirmed",
    skips_from="recursive",
    knobs=(
        Knob("router", ("expert", "token"), "expert", at="prepare"),
        Knob("capacity", ("thirds", "halves"), "thirds", at="prepare"),
        Knob("kv", ("recursion", "shared"), "recursion", at="prepare"),
        Knob("rule", ("half", "capacity"), "half", at="prepare"),
        Knob("training", ("shipped",), "shipped", at="prepare", open=True),
        Knob("threshold", (0.1, 0.3, 0.5, 0.7, 0.9), 0.5, open=True, low=0.001, high=0.999),
    ),
    claims=(
        Claim(
            id="mor-1",
            says="At equal training compute it answers more in few-shot tasks than vanilla, with "
            "half the parameters.",
            source="headline",
            paper="'improves few-shot accuracy' at equal training FLOPs: 43.1 % with 167 M against "
            "42.3 % with 315 M (recalled)",
            effect=0.008,
            expect=OutOfReach("few-shot language tasks need a model of a language corpus"),
            scale="paper",
        ),
        Claim(
            id="mor-2",
            says="At no more training FLOPs and with fewer parameters its loss is below vanilla's.",
            source="headline",
            paper="'at equal training FLOPs and smaller model sizes, it significantly lowers "
            "validation perplexity': 135 M to 1.7 B, without a number in the abstract; the paper "
            "has it from 360 M upward, and here are 0.2 M",
            effect=None,
            expect=Ratio(
                "loss_predictable", against="vanilla", high=1.0, keeping={"parameters_bytes": 0.0}
            ),
        ),
        Claim(
            id="mor-2-recursive",
            says="At no more training FLOPs its loss is below the recursive model's.",
            source="headline",
            paper="'compared with vanilla and existing recursive baselines', without a number",
            effect=None,
            expect=Ratio("loss_predictable", against="recursive", high=1.0),
        ),
        Claim(
            id="mor-3",
            says="Inference is up to twice as fast as vanilla.",
            source="headline",
            paper="'higher throughput compared with vanilla': up to 2.06x (recalled)",
            effect=0.485,
            expect=Ratio("latency_s", against="vanilla"),
            scale="gpu",
        ),
        Claim(
            id="mor-3-recursive",
            says="Reading is faster than the recursive model's, within a point of its accuracy.",
            source="headline",
            paper="'higher throughput compared with [...] existing recursive baselines', without a "
            "number",
            effect=None,
            expect=Ratio("latency_s", against="recursive", high=1.0, keeping={"accuracy": 0.01}),
        ),
        Claim(
            id="mor-4",
            says="On as many tokens training takes a fifth less time than a model of as many "
            "unrolled layers, within a point of its accuracy.",
            source="measured",
            paper="20 B tokens, N_r = 2: 25 % fewer FLOPs, 19 % less time (recalled)",
            effect=0.81,
            expect=Ratio(
                "prepare_cpu_s",
                against="recursive",
                keeping={"accuracy": 0.01},
                where={"training": "anew"},
            ),
            apart_from=("random_routing",),
        ),
        Claim(
            id="mor-5",
            says="At the published threshold a quarter fewer of a position's keys are stored, "
            "within a point of the recursive model's accuracy.",
            source="headline",
            paper="'selectively caching only their key-value pairs': (N_r + 1) / (2 N_r) of the "
            "recursive part, so (2 + 2 x 2) / 8 of all layers here",
            effect=0.75,
            expect=Ratio("kv_ratio", against="recursive", keeping={"accuracy": 0.01}),
        ),
        Claim(
            id="mor-5-formula",
            says="At the published threshold stored keys follow (N_r + 1) / (2 N_r) within 2 %.",
            source="measured",
            paper="(N_r + 1) / (2 N_r) of the keys of a stack as deep",
            effect=None,
            expect=Ratio("kv_excess", against="recursive", low=0.98, high=1.02),
            requires=("mor-5",),
        ),
        Claim(
            id="mor-5-calibrated",
            says="With thresholds calibrated to the capacities they follow it within 2 %.",
            source="own",
            paper="our rule for hitting the capacities without looking ahead",
            effect=None,
            expect=Ratio(
                "kv_excess", against="recursive", low=0.98, high=1.02, where={"rule": "capacity"}
            ),
        ),
        Claim(
            id="mor-5-shared",
            says="Sharing the first recursion's keys halves what is stored, within a point of the "
            "recursive model's accuracy.",
            source="headline",
            paper="'a KV sharing variant [...] designed to decrease prefill latency and memory "
            "footprint': 1 / N_r of the recursive part, so (2 + 2) / 8 of all layers here",
            effect=0.5,
            expect=Ratio(
                "kv_ratio", against="recursive", keeping={"accuracy": 0.01}, where={"kv": "shared"}
            ),
        ),
        Claim(
            id="mor-5-shared-time",
            says="With shared keys prefill is faster than the recursive model's.",
            source="headline",
            paper="'designed to decrease prefill latency', without a number",
            effect=None,
            expect=Ratio(
                "latency_s",
                against="recursive",
                high=1.0,
                keeping={"accuracy": 0.01},
                where={"kv": "shared"},
            ),
        ),
        Claim(
            id="mor-less-work",
            says="A fifth fewer layers than the recursive model, within a point of accuracy.",
            source="own",
            paper="our bar: the capacities promise a quarter fewer",
            effect=None,
            expect=Ratio("executions", against="recursive", high=0.8, keeping={"accuracy": 0.01}),
        ),
        Claim(
            id="mor-router",
            says="Routing by score beats random routing at the same rates, in every batch.",
            source="check",
            paper="the control: what any choice at these rates answers",
            effect=None,
            expect=Ratio("accuracy", against="random_routing", low=1.0, every=True),
        ),
        Claim(
            id="mor-router-trained",
            says="It answers more than a model trained with a random router in place of its own.",
            source="own",
            paper="the harder control: a model that has learned to live with random routing",
            effect=None,
            expect=Difference(
                "accuracy", against="random_routing", low=0.0, there={"weights": "coins"}
            ),
        ),
        Claim(
            id="mor-operands",
            says="Operands, where the value is computed, run deeper than fillers.",
            source="own",
            paper="our substrate knows who needs depth",
            effect=None,
            expect=Ratio("operand_over_filler", against="recursive", low=1.0),
        ),
        Claim(
            id="mor-late-operands",
            says="Late operands of a segment run deeper than the first.",
            source="own",
            paper="our substrate knows who needs depth",
            effect=None,
            expect=Ratio("late_over_early", against="recursive", low=1.0),
        ),
    ),
)


PUBLISHED = 0.5
"""The border that the auxiliary loss pushes scores away from."""


@dataclass(frozen=True)
class Routed:
    """A reader, and the threshold of each recursion (none in token choice)."""

    reader: Reader
    levels: tuple[float, ...] = ()


def prepare(task: StreamTask, point: Point, seed: int) -> Routed:
    """Restore the checkpoint of this router, capacity list and caching; set its thresholds.

    Raises:
        SelectionError: for a combination that has no recipe or no meaning.
    """
    if point["router"] == "token":
        if point["rule"] == "capacity":
            raise SelectionError(
                "Token choice has no capacity to calibrate to: a token takes its best depth.",
                "Choose rule=half with router=token, or router=expert.",
            )
        train_if_asked(task, "mor-token-recursion", point)
        return Routed(task.reader("mor-token-recursion"))
    preset = str(point["capacity"])
    name = f"mor-expert-{preset}-{point['kv']}"
    train_if_asked(task, name, point)
    reader = task.reader(name)
    if point["rule"] == "capacity":
        return Routed(reader, calibrated(reader, task.calibration(), CAPACITIES[preset]))
    return Routed(reader, tuple(thresholds(CAPACITIES[preset], PUBLISHED)))


def solve(routed: Routed, batch: Batch, point: Point) -> Answer:
    """Read the batch; who goes on is decided token by token, from its own state."""
    rule = policy(routed.reader.model, routed.levels, float(point["threshold"]))
    return routed.reader.read(batch, rule, tile=GATHERED_TILE)


def policy(model: Backbone, levels: tuple[float, ...], dial: float) -> Policy:
    """Return the causal routing rule; `dial` above 0.5 makes every recursion more reluctant."""
    if model.shape.router == "token":
        return token_choice(model, shift=dial)
    return threshold(model, shifted(levels, dial))
