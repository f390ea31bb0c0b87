"""How Dr.LLM's routers are taught on a pretrained model: searched labels, one forward, a focal loss.

Windows of the fitting split are dealt out once: some are searched, some give the second look, most are
labelled, some settle, some judge. Each label's prompt is run once along its path, and what enters each layer
is pooled (`path_routers.py`).

**Settled** (`settle`): one number is taken off every router's logit for skipping, so that routed paths have the
mean length of the labels on prompts that nothing was taught by. Otherwise they could be compared with no
static path, whose length is whole.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from adabench.workloads.depth_width.pretrained.substrate import window_path_search as search
from adabench.workloads.depth_width.pretrained.substrate.path_reading import along, single
from adabench.workloads.depth_width.pretrained.substrate.plans import (
    PROMPT,
    RealPathfinding,
    shortest,
)
from adabench.workloads.depth_width.pretrained.substrate.window_path_search import Bill, Tried
from adabench.workloads.depth_width.substrate.llama_decoder.decoder_units import View
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import Decoder
from adabench.workloads.depth_width.substrate.paths import path_routers
from adabench.workloads.depth_width.substrate.paths.path_forward import MOST, Decide, default, fixed
from adabench.workloads.depth_width.substrate.paths.path_routers import (
    CHOICES,
    Routers,
    Seen,
    decide,
)
from adabench.workloads.depth_width.substrate.paths.path_search import Path
from adabench.workloads.depth_width.substrate.work_counter import Work

SKIP = 0
REACH, HALVINGS = 4.0, 8
"""How far routers may lean, in logits, and how finely that is settled."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Taught:
    """Routers, the static paths by length, and the facts of the card."""

    routers: Routers
    statics: dict[int, Path]
    facts: dict[str, Any]


def train(plan: RealPathfinding, model: Decoder, drawn: Tensor, progress: Progress) -> Taught:
    """Search, label, fit and judge on windows [n, T] of the fitting split, cut to `plan.words`."""
    sizes = [plan.searched, plan.looked, plan.labelled, plan.settled, plan.judged]
    parts = torch.split(drawn[: sum(sizes), : plan.words], sizes)
    first, second, text, prompts, judges = parts
    bill, depth = Bill(), model.shape.layers
    least = shortest(depth)
    tried = search.searched(model, first, least, bill)
    tried = search.again(model, second, tried, least, bill)
    statics = {n: tried.paths[tried.best(n, 1)[0]] for n in range(depth, least - 1, -1)}
    menu, paid = search.menu(tried, plan.menu, plan.layers), bill.readings(depth)
    labelled = Tried(menu, search.harms(model, text, menu, bill))
    price = search.price(labelled, plan.layers)
    passes = search.labels(labelled, price)
    routers = Routers(model.shape.width, depth)
    path_routers.fit(routers, seen(model, text, passes), passes, plan.epochs, progress)
    leaning = settle(plan, model, prompts[:, :PROMPT], routers)
    facts = {
        "lean": round(leaning, 4),
        "menu": [list(path) for path in menu],
        "price": round(price, 5),
        "counts": torch.bincount(passes.flatten(), minlength=CHOICES).tolist(),
        "readings_search": round(paid, 1),
        "readings_per_label": round((bill.readings(depth) - paid) / plan.labelled, 2),
    }
    taught = Taught(routers.eval().requires_grad_(False), statics, facts)
    return replace(taught, facts=facts | {"held_out": judged(model, judges, taught, menu, price)})


@torch.no_grad()
def seen(model: Decoder, windows: Tensor, passes: Tensor) -> Seen:
    """Run prompts along their labelled paths and pool what enters each layer."""
    weights, share = path_routers.windows(torch.full((len(windows),), PROMPT), PROMPT)
    pooled: list[list[Tensor]] = [[] for _ in range(model.shape.layers)]
    for rows in torch.split(torch.arange(len(windows)), search.BATCH):
        follow = fixed(passes[rows])

        def watch(
            index: int, states: Tensor, lengths: Tensor, work: Work, follow: Decide = follow
        ) -> Tensor:
            pooled[index].append(weights[: len(states)] @ states.float())
            return follow(index, states, lengths, work)

        prompts = windows[rows, :PROMPT]
        along(View(model, Work(), *prompts.shape), model.embed(prompts), PROMPT, watch)
    return torch.stack([torch.cat(parts) for parts in pooled]), share


def settle(plan: RealPathfinding, model: Decoder, prompts: Tensor, routers: Routers) -> float:
    """Lean routers to the plan's mean length on prompts [n, PROMPT], in place; return how far."""
    low, high, leaning = -REACH, REACH, 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        lean(routers, middle - leaning)
        leaning = middle
        layers = float(taken(model, prompts, decide(routers)).sum(1).double().mean())
        low, high = (middle, high) if layers < plan.layers else (low, middle)
    return leaning


@torch.no_grad()
def lean(routers: Routers, by: float) -> None:
    """Take `by` off every router's logit for skipping: the more, the longer the paths."""
    for one in routers.wide:
        assert isinstance(one, nn.Linear)
        one.bias[SKIP] -= by


@torch.inference_mode()
def taken(model: Decoder, windows: Tensor, rule: Decide) -> Tensor:
    """Return which paths a rule takes, passes [n, L]."""
    found = []
    for part in torch.split(windows, search.BATCH):
        view = View(model, Work(), *part.shape)
        along(view, model.embed(part), PROMPT, single(rule))
        found.append(followed(view))
    return torch.cat(found)


def followed(view: View) -> Tensor:
    """Return how often each layer ran in a view, [windows, L]."""
    passes = torch.zeros(view.sequences, view.model.shape.layers, dtype=torch.long)
    for slot, rows in view.work.runs:
        passes[rows, slot // MOST] += 1
    return passes


@torch.inference_mode()
def routed(model: Decoder, windows: Tensor, rule: Decide) -> tuple[Tensor, Tensor]:
    """Return which paths a rule takes, passes [n, L], and their harm [n]."""
    found: list[tuple[Tensor, Tensor]] = []
    for part in torch.split(windows, search.BATCH):
        view, depth = View(model, Work(), *part.shape), model.shape.layers
        own = along(view, model.embed(part), PROMPT, single(rule))
        passes = followed(view)
        whole = along(view, model.embed(part), PROMPT, fixed(default(len(part), depth)))
        goal = search.goal_of(search.said(model, whole))
        found.append((passes, search.apart(goal, search.said(model, own))))
    passes, harm = (torch.cat(parts) for parts in zip(*found, strict=True))
    return passes, harm


def judged(
    model: Decoder, windows: Tensor, taught: Taught, menu: list[Path], price: float
) -> dict[str, Any]:
    """Return what windows say that nothing was fitted to: layers, and harms in nats a word."""
    both = list(dict.fromkeys([*menu, *taught.statics.values()]))
    tried = Tried(both, search.harms(model, windows, both, Bill()))
    best = search.labels(Tried(menu, tried.harms[: len(menu)]), price)
    least = torch.stack([tried.harms[row] for row in range(len(menu))])
    worth = least + price * torch.tensor([float(sum(path)) for path in menu])[:, None]
    passes, harm = routed(model, windows, decide(taught.routers))
    static = {n: tried.harms[both.index(path)].mean() for n, path in taught.statics.items()}
    return {
        "macro_f1": path_routers.macro_f1(taught.routers, seen(model, windows, best), best),
        "layers": round(float(passes.sum(1).double().mean()), 3),
        "harm": round(float(harm.mean()), 4),
        "layers_labels": round(float(best.sum(1).double().mean()), 3),
        "harm_labels": round(float(least.gather(0, worth.argmin(0)[None]).mean()), 4),
        "harm_static": {n: round(float(mean), 4) for n, mean in static.items()},
    }
