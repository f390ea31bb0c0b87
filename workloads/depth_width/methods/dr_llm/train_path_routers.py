"""How routers of paths are taught: paths that a search found, and labels from a common menu.

Two things are ours. A path counts as right if it is on six *looks*, the question and five siblings (same
operations, other values and fillers): of one look luck makes a label. And labels are the shortest right path
of a common *menu* of four, chosen among the paths that were found most often by what each adds.

The paper collects until 30 % of the questions are *repaired* ones, which the whole model gets wrong. Here those
are a tenth or less; none is dropped, and they are drawn so often that a batch holds 30 % of them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX, Loadable
from adabench.workloads.depth_width.substrate.paths.path_forward import MOST, answer
from adabench.workloads.depth_width.substrate.paths.path_routers import (
    CHOICES,
    Guided,
    Routers,
    cheapest,
    decide,
    fit,
    macro_f1,
    seen,
    tensors,
)
from adabench.workloads.depth_width.substrate.paths.path_search import Found, Look, holds, search
from adabench.workloads.depth_width.substrate.questions import ask, sibling
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.int8_packing import HALVES
from adabench.workloads.shared.training.trainer import seeded, silent

CANDIDATES = 12
"""Paths that a menu is chosen from."""
LABEL_SEED, JUDGED_SEED, HELD_OUT_SEED = 555, 556, 998
JUDGED, HELD_OUT = 200, 1200
_STREAM = 53


@dataclass(frozen=True)
class PathRecipe:
    """Routers taught by searched paths on a frozen backbone, from which seed."""

    name: str
    base: Loadable[Backbone]
    """The recipe of the frozen backbone."""
    seed: int
    home: Path
    questions: int = 600
    simulations: int = 50
    looks: int = 6
    """Siblings, the question included, on which a path has to be right to be taught."""
    menu: int = 4
    """Labels are taken from so many common paths."""
    more: int = 1800
    """Questions that are labelled from the menu without a search."""
    repaired: float = 0.3
    """Share of a batch that the model with all layers gets wrong, as in the paper."""
    epochs: int = 25
    forecast_s: int = 90

    @property
    def steps(self) -> int:
        """Return the passes over the taught questions."""
        return self.epochs

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Search paths on the backbone that is shipped and teach them to routers."""
        routers, facts = train(self, self.base.load(), progress)
        path = folder / f"{self.name}{SUFFIX}"
        checkpoints.write(routers.state_dict(), path, levels=HALVES)
        scored = held_out(self.load(folder))
        return checkpoints.describe(self, folder, labels=facts, held_out=scored)

    def load(self, folder: Path | None = None) -> Guided:
        """Return the backbone with its routers, in fp32."""
        weights, model = checkpoints.weights(self, folder), self.base.load()
        routers = Routers(model.shape.width, model.shape.layers)
        routers.load_state_dict(weights)
        return Guided(model, routers.eval().requires_grad_(False))


@dataclass(frozen=True)
class Supervision:
    """Questions with a right path, and what finding them took."""

    tokens: Tensor
    lengths: Tensor
    passes: Tensor
    repaired: Tensor
    """Is the label right where running every layer once is not? [n]."""
    menu: Tensor
    """The paths that labels are taken from, shortest first, [M, L]."""
    facts: dict[str, Any]


def supervise(plan: PathRecipe, base: Backbone, questions: int, key: int) -> Supervision:
    """Search paths for freshly drawn training questions; label more of them from the menu."""
    generator = np.random.Generator(np.random.PCG64((_STREAM, key, plan.seed)))
    looks = drawn(plan, generator, questions)
    found = search(base, looks, simulations=plan.simulations, seed=plan.seed)
    menu = common(base, looks, found, plan.menu)
    more = drawn(plan, generator, plan.more) if plan.more else []
    labelled = [labels(base, each, menu) for each in (looks, more) if each]
    tokens, lengths, passes, rescued = (torch.cat(parts) for parts in zip(*labelled, strict=True))
    repaired = found.solved & ~found.before
    facts = {
        "questions": questions,
        "more": plan.more,
        "kept": len(passes),
        "menu": menu.tolist(),
        "improved_share": round(float(repaired.sum() / found.solved.sum()), 4),
        "repaired_share": round(float(rescued.double().mean()), 4),
        "forwards_per_question": round(found.forwards / questions, 2),
        "counts": torch.bincount(passes.flatten(), minlength=CHOICES).tolist(),
    }
    return Supervision(tokens, lengths, passes, rescued, menu, facts)


def drawn(plan: PathRecipe, generator: np.random.Generator, questions: int) -> list[Look]:
    """Draw questions and the siblings that a path has to be right on too."""
    asked = ask(generator, questions)
    siblings = [sibling(generator, asked.keys) for _ in range(plan.looks - 1)]
    return [tensors(each) for each in (asked, *siblings)]


def common(base: Backbone, looks: list[Look], found: Found, menu: int) -> Tensor:
    """Choose the common menu from the paths found most often, shortest first, [M, L].

    Routers decide layer by layer, and the halves of two paths are seldom a path that works:
    questions that could share a path should.
    """
    seen, often = torch.unique(found.passes[found.solved], dim=0, return_counts=True)
    paths = seen[often.argsort(descending=True, stable=True)[:CANDIDATES]]
    chosen = covering(_good(base, looks, paths), paths.sum(1), menu, MOST * paths.shape[1])
    shortest_first: Tensor = paths[sorted(chosen, key=lambda row: int(paths[row].sum()))]
    return shortest_first


def _good(base: Backbone, looks: list[Look], paths: Tensor) -> Tensor:
    """Return which paths [M, L] are right at every look of which questions, [M, n]."""
    n = len(looks[0][0])
    return torch.stack([holds(base, looks, path.expand(n, -1)) for path in paths])


def labels(
    base: Backbone, looks: list[Look], menu: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the questions that some path of the menu answers, and the shortest such path.

    Tokens [m, T], lengths [m], passes [m, L], and which are repaired, [m]: running every layer once
    is not right at every look. A question without a right path is dropped.
    """
    good = _good(base, looks, menu)
    some, first = good.any(0), good.int().argmax(0)
    once = (menu == 1).all(1)
    whole = good[once] if once.any() else _good(base, looks, torch.ones_like(menu[:1]))
    tokens, lengths = looks[0]
    return tokens[some], lengths[some], menu[first[some]], ~whole[0, some]


def chances(repaired: Tensor, share: float) -> Tensor:
    """Return how often each question [n] is drawn, for `share` of repaired ones; 1 in the mean."""
    there = repaired.float().mean()
    if not 0 < there < 1:
        return torch.ones(len(repaired))
    return torch.where(repaired, share / there, (1 - share) / (1 - there))


def covering(good: Tensor, lengths: Tensor, menu: int, dear: int) -> list[int]:
    """Choose `menu` of the paths [C] one by one, each the one that saves most over all questions.

    `good` [C, n] says which path is right for whom. A question costs its shortest right path on
    the menu, and `dear` while it has none.
    """
    return cheapest(torch.where(good, lengths[:, None], dear), menu, dear)


def train(
    plan: PathRecipe, base: Backbone, progress: Progress = silent
) -> tuple[Routers, dict[str, Any]]:
    """Label, fit and judge the routers of a plan; return them and the facts of the card."""
    with seeded(_STREAM * 1000 + plan.seed):
        taught = supervise(plan, base, plan.questions, LABEL_SEED)
        judge = np.random.Generator(np.random.PCG64((_STREAM, JUDGED_SEED, plan.seed)))
        judged = labels(base, drawn(plan, judge, JUDGED), taught.menu)
        routers = Routers(base.shape.width, base.shape.layers)
        given = seen(base, taught.tokens, taught.lengths, taught.passes)
        often = chances(taught.repaired, plan.repaired)
        fit(routers, given, taught.passes, plan.epochs, progress, often)
        routers.eval().requires_grad_(False)
        f1 = macro_f1(routers, seen(base, *judged[:3]), judged[2])
        facts = taught.facts | {"macro_f1": f1}
    return routers, facts


def held_out(guided: Guided) -> dict[str, float]:
    """Return right replies by k and mean path length, routed, on held-out questions."""
    generator = np.random.Generator(np.random.PCG64((_STREAM, HELD_OUT_SEED)))
    asked = ask(generator, HELD_OUT)
    reply = answer(guided.model, asked.questions, decide(guided.routers), tile=HELD_OUT)
    hit = (reply.said.numpy() == asked.keys.answers).all(axis=1)
    ran = reply.passes().sum(1).double().numpy()
    found = {"executions": float(ran.mean())}
    for k in np.unique(asked.keys.k):
        found[f"accuracy_k{k}"] = float(hit[asked.keys.k == k].mean())
        found[f"executions_k{k}"] = float(ran[asked.keys.k == k].mean())
    return {name: round(value, 4) for name, value in found.items()}
