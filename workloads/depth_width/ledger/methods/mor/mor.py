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
the positions; it is ours. `threshold` multiplies the odds of whatever the
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

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point
from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.gathered_forward import (
    Admission,
    Admit,
    Answer,
    Policy,
)
from adabench.workloads.depth_width.substrate.readers import GATHERED_TILE, Batch, Reader
from adabench.workloads.depth_width.substrate.recursion_routing import (
    CAPACITIES,
    threshold,
    thresholds,
    token_choice,
)
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.trained.training_anew import train_if_asked
from adabench.workloads.depth_width.substrate.work_counter import Work

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


EVERYBODY = -1.0
"""The threshold of a recursion that decides nothing (`routing.threshold`)."""


def calibrated(reader: Reader, batch: Batch, capacities: Sequence[float]) -> tuple[float, ...]:
    """Return the thresholds at which recursion r keeps `capacities[r]` of the batch's positions."""
    levels: list[float] = []
    whole = replace(reader, mode="prefill")
    policy = _settling(reader.model, capacities, batch.tokens.size, levels)
    # One tile: a threshold is settled once, over every sequence.
    whole.read(batch, policy, tile=len(batch.tokens))
    return tuple(levels)


def _settling(
    model: Backbone, capacities: Sequence[float], positions: int, levels: list[float]
) -> Policy:
    """Expert choice that notes a threshold at each recursion and applies it at once."""

    def admit(depth: int, rows: Tensor, sequences: Tensor, work: Work) -> Admission:
        score = torch.sigmoid(work.linear(model.routers[depth], rows)[:, 0])
        level = border(score, round(capacities[depth] * positions))
        levels.append(level)
        keep = (score > level).nonzero()[:, 0]
        return Admission(keep, model.shape.gate * score.index_select(0, keep))

    def start() -> Admit:
        levels.clear()
        return admit

    return start


def border(score: Tensor, k: int) -> float:
    """Return the threshold that the `k` best of `score` [n] exceed and no other does."""
    if k >= len(score):
        return EVERYBODY
    best = score.double().topk(k + 1).values
    return float(best[-2:].mean())


def shifted(levels: Sequence[float], dial: float) -> list[float]:
    """Multiply the odds of each threshold by those of `dial`; `EVERYBODY` stays."""
    return [level if level < 0 else _shifted(level, dial) for level in levels]


def _shifted(level: float, dial: float) -> float:
    return level * dial / (level * dial + (1 - level) * (1 - dial))
