"""Expert choice in a diffusion language model, its capacity by how much is hidden.

    C(r) = floor(T k(r) / E)        k(r) = round(2 + 4 s(r)),  s = 1 - r: little hidden, many experts
    expert e takes the C bytes of a passage that it scores highest

A step of denoising knows the share r of hidden bytes before it begins, and with it its capacity. Every expert multiplies as many rows as
every other one; a byte gets as many experts as choose it, none to sixteen. `substrate/expert_choice.py` has the equations. Six schedules
have the same mean of four experts a byte; four are trained and shipped (`static`, `linear`, `linear_reverse`, `cosine_reverse`).

**What is simplified.** 16 experts for 512, two layers for 16, records of bytes for OpenWebText; 1,000 steps. Two shared experts stand, as in the
paper.

**What to expect.** Written before measuring, from a prototype: loads exactly even; a step as good as token choice's and a third cheaper in seconds where
products are batched; the order of schedules the reverse of the paper's early in training; a gain of little-hidden bytes 1.4 times that of
much-hidden ones, not ten times.

**Ways to fake it.** Equal nominal k where floors make pairs differ; masks of its own for each schedule; a causal model, in which experts that choose
see the future; all experts multiplied and masked.
"""

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.moe.denoise.substrate.expert_choice import capacity, choose
from adabench.workloads.moe.denoise.substrate.mask_bench import Denoised, MaskBench, MaskedCase
from adabench.workloads.moe.denoise.substrate.routings import ExpertRoute, scheduled
from adabench.workloads.moe.substrate.expert_layer import Route

CARD = Card(
    title="Expert choice, more experts where less is hidden",
    paper="Expert-Choice Routing in Diffusion Language Models, arXiv 2604.01622",
    slug="ec-dlm",
    adapts="how many experts a byte gets, by the share that is hidden and by what experts choose",
    no_signal="the share is of the passage that is read; `shuffled_schedule` deals it by lot",
    knobs=(
        Knob(
            "arm",
            ("linear_reverse",),
            "linear_reverse",
            also=("static", "linear", "cosine_reverse", "retrofit"),
        ),
        Knob("k", (0,), 0, also=(2, 4, 6)),
        Knob("order", ("own",), "own", also=("shuffled", "lot")),
    ),
    variants=(
        Variant(
            "expert_static",
            "Expert choice, equally many experts at every step",
            {"arm": "static"},
            role="static",
            adapts="nothing but which bytes an expert takes",
            slug="ec-dlm",
            essay="""The same number of experts a byte whatever is hidden: what schedules are held against.""",
        ),
        Variant(
            "expert_linear",
            "Expert choice, more experts where more is hidden",
            {"arm": "linear"},
            essay="""The schedule the other way round: s = r.""",
        ),
        Variant(
            "expert_cosine",
            "Expert choice, more experts where less is hidden, by a cosine",
            {"arm": "cosine_reverse"},
            role="adaptive",
            adapts="how many experts a byte gets, by the share that is hidden and by what experts choose",
            paper="arXiv 2604.01622: another schedule of the same direction",
            slug="ec-dlm",
            essay="""The nearest rival of the linear schedule: s = (1 + cos(pi r)) / 2.""",
        ),
        Variant(
            "retrofit",
            "Token choice turned into expert choice",
            {"arm": "retrofit"},
            role="static",
            adapts="nothing but which bytes an expert takes",
            slug="ec-dlm",
            essay="""A model of token choice whose routing was replaced, its weights kept, trained for a fifth more.""",
        ),
        Variant(
            "shuffled_schedule",
            "The schedule's numbers, passages by lot",
            {"order": "shuffled"},
            adapts="how many experts a byte gets, by lot",
            paper="our control of arXiv 2604.01622",
            control_of=("expert_choice", "expert_cosine"),
            essay="""The capacities of the schedule, dealt to passages by lot: the same pairs, without the signal.""",
        ),
        Variant(
            "random_choice",
            "Experts that take bytes by lot",
            {"arm": "static", "order": "lot"},
            adapts="which bytes an expert takes, by lot",
            paper="our control of arXiv 2604.01622",
            control_of=("expert_choice", "expert_cosine", "expert_static"),
            essay="""Scores permuted between the bytes of a passage: as even a load, and no choice.""",
        ),
    ),
)


def solve(bench: MaskBench, case: MaskedCase, point: Point) -> Denoised:
    """Read the passages."""
    arm, order, k = str(point["arm"]), point["order"], int(point["k"])
    lots = torch.Generator().manual_seed(104_729 * bench.seed + case.index)
    each = scheduled("static" if arm == "retrofit" else arm, case.ratios)
    if k:
        each = [k] * len(each)
    if order == "shuffled":
        each = [each[i] for i in torch.randperm(len(each), generator=lots).tolist()]
    length = case.shown.shape[1]
    route = _by_lot(each, length, lots) if order == "lot" else ExpertRoute(each, length)
    return bench.read(case, arm, route=route)


def _by_lot(each: list[int], length: int, lots: torch.Generator) -> Route:
    def route(layer: int, scores: Tensor) -> Tensor:
        del layer
        experts = scores.shape[-1]
        own = scores.view(len(each), length, experts)
        order = torch.rand(len(each), length, generator=lots).argsort(1)
        dealt = own.gather(1, order[..., None].expand_as(own))
        capacities = torch.tensor([capacity(length, k, experts) for k in each])
        return choose(dealt, capacities).flatten(0, 1)

    return route
