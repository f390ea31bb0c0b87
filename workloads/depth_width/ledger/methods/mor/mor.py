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

from adabench.harness.contract.card import Card, Knob, Point
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
    signal=(
        "depth_width.substrate.recursion_routing:router_score",
        "depth_width.substrate.recursion_routing:depth_logits",
    ),
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
