"""How a router between a draft and a target is trained, and how much of the advantage it foretells.

**Contexts.** Problems of the `calibration` split, each gone through twice, step by step: once along the
better of the two models' steps (the oracle's run, ties go to the draft), once along the draft's with a
target's step now and then (`STRAY`). The second kind is what a router meets most, and what the
oracle's run lacks: contexts that have gone wrong.

**Labels.** In every context both models write the next step greedily and the judge scores it:

    D = s_target - s_draft        y = 1 where D > LEAST

Greedy steps are those that the methods decode, so that one target's step is the label and not a mean
over samples. The published label is D > 0; a card says how often each of the two is 1, and how well
the router foretells either. Nothing else is known: no answer, no value in between.

**Loss.** Cross-entropy over rows of which the majority, y = 0, is sampled down to the number of the
others. The trunk stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.shared.counting.ranking import auc
from adabench.workloads.shared.language_model.contract import STEP, Costs, Floats, Seq
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.reward_model import Judge
from adabench.workloads.shared.language_model.step_router import RouterHead, rows_of, sight
from adabench.workloads.shared.training import language_recipe
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.language_recipe import WEIGHT_DECAY
from adabench.workloads.shared.training.trainer import Trainer
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.domain import ORDERS
from adabench.workloads.test_time.chain.substrate.order_problems import Product, questions, room
from adabench.workloads.test_time.chain.substrate.problems import Split

LEAST, LARGE = 0.02, 0.05
"""Advantages that are labels; advantages that a router is measured by."""
STRAY = 0.15
TOGETHER = 32
"""Problems that are gone through in one batch."""
DEV_SEED, DEV_PROBLEMS = 6, 200


@dataclass(frozen=True)
class Trio:
    """The models whose steps are compared, and who compares."""

    draft: NativeEngine
    target: NativeEngine
    judge: Judge

    def reset(self) -> None:
        """Forget every sequence."""
        for model in (self.draft, self.target, self.judge):
            model.reset(Costs())


@dataclass
class Walk:
    """A problem being gone through."""

    room: int
    draft: Seq
    target: Seq
    authors: list[bool]

    @property
    def goes_on(self) -> bool:
        """Return whether there is a next step."""
        return not self.draft.finished and len(self.draft.completion) < self.room


@dataclass(frozen=True)
class Lessons:
    """What was seen in contexts, and what came of it."""

    sights: Tensor
    """[n, inputs]"""
    gains: Floats
    """[n], D."""
    scores: Floats
    """[n], of the draft's step."""
    drops: Floats
    """[n], of the step before less that."""


Row = tuple[Floats, float, float, float]


def collect(trio: Trio, problems: Sequence[Product], seed: int, stray: float | None) -> list[Row]:
    """Go through problems; along the better step, or where `stray` is given along the draft's."""
    generator = np.random.Generator(np.random.PCG64(seed))
    rows: list[Row] = []
    for start in range(0, len(problems), TOGETHER):
        trio.reset()
        walks = [_begun(trio, problem) for problem in problems[start : start + TOGETHER]]
        while going := [walk for walk in walks if walk.goes_on]:
            rows += _step(trio, going, generator, stray)
    return rows


def _begun(trio: Trio, problem: Product) -> Walk:
    prompt = problem.prompt
    return Walk(room(prompt), trio.draft.open(prompt), trio.target.open(prompt), [])


def _step(
    trio: Trio, walks: list[Walk], generator: np.random.Generator, stray: float | None
) -> list[Row]:
    """Let both models write the next step of each, compare, and go on with one of them."""
    ours, theirs = _written(trio, walks)
    scores = trio.judge.scores([*ours, *theirs])
    rows = []
    for index, walk in enumerate(walks):
        known = len(walk.authors)
        ours_after, theirs_after = (
            row[known] if len(row) > known else 0.0
            for row in (scores[index], scores[len(walks) + index])
        )
        gain = theirs_after - ours_after
        moments = trio.judge.read(ours[index])
        if len(moments) > known:
            before = scores[index][known - 1] if known else 1.0
            rows.append((sight(moments, walk.authors), gain, ours_after, before - ours_after))
        handed = gain > 0 if stray is None else bool(generator.random() < stray)
        _go_on(trio, walk, ours[index], theirs[index], handed)
    return rows


def _written(trio: Trio, walks: list[Walk]) -> tuple[list[Seq], list[Seq]]:
    """Return each walk's draft sequence with the draft's own next step, and with the target's."""
    limit = ORDERS.step_room
    pairs = []
    for walk in walks:
        pairs.append(trio.draft.fork(walk.draft, 2))
        trio.judge.follow(walk.draft, pairs[-1])
    ours, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    trio.draft.decode(ours, stop=STEP, max_new=limit, temperature=0.0)
    tried = [trio.target.fork(walk.target, 1)[0] for walk in walks]
    steps = trio.target.decode(tried, stop=STEP, max_new=limit, temperature=0.0)
    trio.draft.append(theirs, [chunk.ids for chunk in steps])
    for seq in tried:
        trio.target.close(seq)
    return ours, theirs


def _go_on(trio: Trio, walk: Walk, ours: Seq, theirs: Seq, handed: bool) -> None:
    """Take one of the two steps, in all three models."""
    chosen, left = (theirs, ours) if handed else (ours, theirs)
    for seq in (walk.draft, left):
        trio.draft.close(seq)
        trio.judge.forget(seq)
    walk.draft = chosen
    walk.authors.append(handed)
    if walk.goes_on:
        trio.target.append([walk.target], [chosen.ids[len(walk.target.ids) :]])


def lessons(
    trio: Trio, split: Split, seed: int, count: int, *, only_drafts: bool = False
) -> Lessons:
    """Return what problems of a split teach, gone through in both ways."""
    problems = questions(split, seed, count)
    rows = [] if only_drafts else collect(trio, problems, seed, None)
    rows += collect(trio, problems, seed, STRAY)
    sights, gains, scores, drops = zip(*rows, strict=True)
    columns = (np.asarray(column, np.float32) for column in (gains, scores, drops))
    return Lessons(rows_of(sights), *columns)


def train(recipe: Recipe, trio: Trio, progress: Progress) -> RouterHead:
    """Train a router's head; return it in evaluation mode."""
    known = lessons(trio, "calibration", recipe.seed, recipe.problems)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        head = RouterHead(recipe.shape.width)
        labels = torch.from_numpy(known.gains > LEAST)
        _fit(recipe, head, known.sights, labels, progress)
    return head.eval().requires_grad_(False)


def _fit(
    recipe: Recipe, head: RouterHead, sights: Tensor, labels: Tensor, progress: Progress
) -> None:
    generator = torch.Generator().manual_seed(recipe.seed)
    ones, zeros = (torch.nonzero(labels == value)[:, 0] for value in (True, False))
    half = recipe.batch // 2
    targets = torch.cat((torch.ones(half), torch.zeros(half)))
    optimiser = torch.optim.AdamW(head.parameters(), lr=recipe.rate, weight_decay=WEIGHT_DECAY)

    def loss(step: int) -> Tensor:
        del step
        rows = torch.cat(
            [of[torch.randint(len(of), (half,), generator=generator)] for of in (ones, zeros)]
        )
        return F.binary_cross_entropy_with_logits(head(sights[rows]), targets)

    trainer = Trainer(optimiser, schedule=language_recipe.schedule(recipe.steps))
    trainer.fit(loss, recipe.steps, progress)


def report(trio: Trio, head: RouterHead) -> dict[str, float]:
    """Return what a router foretells on problems of the `dev` split, in the draft's contexts."""
    found = lessons(trio, "dev", DEV_SEED, DEV_PROBLEMS, only_drafts=True)
    with torch.no_grad():
        chances = head(found.sights).numpy().astype(np.float64)
    large, some = (known.astype(np.float64) for known in (found.gains > LARGE, found.gains > 0))
    scores, drops = found.scores.astype(np.float64), found.drops.astype(np.float64)
    return {
        "steps": float(len(large)),
        "share_large": float(large.mean()),
        "share_above_least": float((found.gains > LEAST).mean()),
        "share_above_zero": float(some.mean()),
        "auc_router": auc(chances, large),
        "auc_score": auc(-scores, large),
        "auc_drop": auc(drops, large),
        "auc_router_any_gain": auc(chances, some),
        "auc_score_any_gain": auc(-scores, some),
    }
