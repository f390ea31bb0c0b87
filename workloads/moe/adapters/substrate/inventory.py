"""Polytropon and MHR: an inventory of adapters, and for each task and site the mixture it uses.

    a.SITE [H, S, in/H, r]     b.SITE [H, S, r, out/H]     z.all [sites, 48, H S], one row a task

    alpha = sigmoid(z_t), over its sum over S          A_t[h] = sum_s alpha_hs A[h, s], B_t likewise
    y = W x + b + (1/r) B_t A_t x                      heads side by side; H = 1 is Polytropon

Adapters are mixed before they multiply, so a token costs what one of them costs. Sigmoids in training
too, as in the published configuration; `peft` draws relaxed Bernoulli there. The row of a new task is
`z_new.all` [sites, 1, H S], drawn afresh.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from adabench.workloads.moe.adapters.substrate.adapter import Adapter, Weights
from adabench.workloads.moe.adapters.substrate.base_model import SITES, Site
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass
from adabench.workloads.moe.adapters.substrate.instructed_tasks import training_tasks
from adabench.workloads.moe.adapters.substrate.low_rank import kaiming

SKILLS, HEADS, RANK = 8, 8, 4
SMALL, EPS = 1e-3, 1e-12
"""Bound of a fresh row; kept from dividing by zero."""
ROWS, NEW_ROWS = "z.all", "z_new.all"
ROUTING_RATE = 30.0
"""Of z, as a multiple of the adapters' rate: at theirs it hardly leaves the uniform mixture."""


def kind_of(name: str, *, heads: int = HEADS, skills: int = SKILLS) -> str:
    """Return the name that recipes give an inventory of `poly` or `mhr`."""
    return (
        name
        + (f"-h{heads}" if heads != HEADS else "")
        + (f"-k{skills}" if skills != SKILLS else "")
    )


def shape_of(kind: str) -> tuple[str, int, int]:
    """Return the name, the heads and the skills of a kind."""
    name, *rest = kind.split("-")
    found = {part[0]: int(part[1:]) for part in rest if part[1:].isdigit()}
    return name, 1 if name == "poly" else found.get("h", HEADS), found.get("k", SKILLS)


def fresh_inventory(
    skills: int,
    heads: int,
    rank: int,
    generator: torch.Generator,
    sites: Sequence[Site] = SITES,
    tasks: int = len(training_tasks()),
) -> Adapter:
    """Return an untrained inventory with a row of z for each training task."""
    weights = {}
    for site in sites:
        inner, outer = site.inner // heads, site.outer // heads
        weights[f"a.{site.name}"] = kaiming((heads, skills, inner, rank), inner, generator)
        weights[f"b.{site.name}"] = torch.zeros(heads, skills, rank, outer)
    weights[ROWS] = fresh_rows((len(sites), tasks, heads * skills), generator)
    return inventory(weights)


def fresh_rows(shape: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    """Return rows of z for all sites as they begin, [sites, rows, H S]: uniform, and small."""
    return (torch.rand(*shape, generator=generator) * 2 - 1) * SMALL


def inventory(weights: dict[str, Tensor]) -> Adapter:
    """Return the inventory of given weights."""
    return Adapter(weights, linear=_mixed, rates={"z": ROUTING_RATE, "z_new": ROUTING_RATE})


def for_new_task(weights: dict[str, Tensor], generator: torch.Generator) -> Adapter:
    """Return an inventory with a fresh row for a new task; the rows of others stay as they are."""
    sites, _, width = weights[ROWS].shape
    own = weights | {NEW_ROWS: fresh_rows((sites, 1, width), generator)}
    return replace(inventory(own), still=names(own, "z"))


def names(weights: Weights, *parts: str) -> frozenset[str]:
    """Return the names of weights whose first part is one of these."""
    return frozenset(name for name in weights if name.partition(".")[0] in parts)


def routing(weights: Weights, tasks: Tensor) -> Tensor:
    """Return alpha of all sites and each task, [sites, tasks, H, S]."""
    heads, skills = next(a for name, a in weights.items() if name.startswith("a.")).shape[:2]
    rows, new = weights[ROWS], weights.get(NEW_ROWS)
    z = (rows if new is None else torch.cat([rows, new], dim=1))[:, tasks]
    chances = z.sigmoid().view(len(z), -1, heads, skills)
    return chances / (chances.sum(-1, keepdim=True) + EPS)


def entropy(weights: Weights) -> float:
    """Return the mean entropy of the training tasks' mixtures over its largest, log S."""
    alpha = routing(weights, torch.arange(weights[ROWS].shape[1]))
    found = -(alpha * alpha.clamp_min(EPS).log()).sum(-1).mean()
    return float(found) / math.log(alpha.shape[-1])


def mean_adapter(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean of an inventory's adapters as the weights of one LoRA."""
    found = {}
    for site in (name.removeprefix("a.") for name in weights if name.startswith("a.")):
        a, b = weights[f"a.{site}"].mean(1), weights[f"b.{site}"].mean(1)
        rank = a.shape[-1]
        found[f"a.{site}"] = a.reshape(-1, rank).T.contiguous()
        found[f"b.{site}"] = b.transpose(1, 2).reshape(-1, rank) / rank
    return found


def _mixed(weights: Weights, site: Site, x: Tensor, step: Pass) -> Tensor:
    a, b = weights[f"a.{site.name}"], weights[f"b.{site.name}"]
    (several, place), rank = step.several, a.shape[-1]
    alpha = step.once("alpha", lambda: routing(weights, several).transpose(1, 2).unbind())
    own = alpha[step.base.sites.index(site)]  # [H, tasks, S]
    step.count(len(several) * a.numel(), own, a)
    step.count(len(several) * b.numel(), own, b)
    heads = len(a)
    into = torch.bmm(own, a.flatten(2)).view(heads, len(several), -1, rank)
    into = into.transpose(0, 1).reshape(-1, site.inner, rank)
    out_of = torch.bmm(own, b.flatten(2)).view(heads, len(several), rank, -1)
    out_of = out_of.permute(1, 2, 0, 3).reshape(-1, rank, site.outer)
    if len(several) == 1:
        added = step.product(step.product(x, into[0].T), out_of[0].T)
    else:
        added = step.each(step.each(x, into[place]), out_of[place])
    return step.frozen(site, x) + step.base.scale / rank * added
