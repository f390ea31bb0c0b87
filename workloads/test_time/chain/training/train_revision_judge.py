"""How a judge of revisions learns: from attempts that read earlier ones, and whether they were right.

A judge of a policy's single solutions need not know its revisions, which look like what they revise. So
this one reads what the policy read, earlier attempts included, and then the attempt.

**Trunk.** The policy that revises, with a new layer behind each of its own, trained on for `steps` on
rows of its own attempts at `train` problems (`train_revisions.py`).

**Labels.** The policy writes chains of attempts at problems of the `prm` split. Every step of an attempt
that came out right is 1, of another 0: an outcome model, without roll-outs.

    loss = binary cross-entropy(score at `;` and at the end, right), all steps of an attempt alike

**How good**, on the `dev` split, side by side and in chains: AUC within problems, the best of 16 by its
score, the vote that it weights, and the majority that it has to beat. Beside it the same for a judge
that was trained on another policy's single solutions and reads no earlier attempt.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import torch

from adabench.workloads.shared.language_model.contract import Costs, Seq, mix
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.reward_model import Head, Judge
from adabench.workloads.shared.language_model.vocabulary import STEP_END
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.problems import Problem, answer, stream
from adabench.workloads.test_time.chain.training import short_training
from adabench.workloads.test_time.chain.training.forms import SPLITS
from adabench.workloads.test_time.chain.training.train_judge import (
    TRUNK_SEED,
    Lesson,
    auc_within_problems,
    fit_head,
    moment_tensors,
)
from adabench.workloads.test_time.chain.training.train_revisions import (
    batches,
    collect,
    learn,
    revise,
)
from adabench.workloads.test_time.chain.truth.worked_solutions import truth
from adabench.workloads.test_time.substrate.voting import vote

CHAINS, LENGTH = 4, 4
"""Of each problem that a judge learns from."""
TRUNK_PROBLEMS = 2000
DEV_SEED, DEV_LENGTHS, DEV_PROBLEMS = 5, (4, 6), 50
SHAPES = {"parallel": (16, 1), "chains": (4, 4)}
"""Chains, and attempts in each, that a judge chooses among on `dev`."""


def train(
    recipe: Recipe, start: LanguageModel, writer: NativeEngine, progress: Progress
) -> tuple[LanguageModel, Head]:
    """Train a judge of what `writer` revises; return its trunk and head in evaluation mode."""
    trunk = _trunk(recipe, start, writer, progress)
    problems = SPLITS.problems("prm", recipe.seed, recipe.problems)
    known = list(lessons(writer, problems, recipe.seed))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        head = Head(recipe.shape.width)
        reader = Judge(NativeEngine(trunk, recipe.name, role="judge"), head)
        fit_head(recipe, head, *moment_tensors(reader, known))
    return trunk, head.eval().requires_grad_(False)


def _trunk(
    recipe: Recipe, start: LanguageModel, writer: NativeEngine, progress: Progress
) -> LanguageModel:
    """Return a language model with more layers, trained for longer."""
    seed = TRUNK_SEED + recipe.seed
    attempts = collect(writer, SPLITS.problems("train", seed, TRUNK_PROBLEMS), seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LanguageModel(recipe.shape)
        short_training.grow(model, start)
        learn(model, recipe, batches(attempts, recipe), progress)
    return model.eval().requires_grad_(False)


def lessons(policy: NativeEngine, problems: Sequence[Problem], seed: int) -> Iterator[Lesson]:
    """Yield attempts of chains, each with what it read; its steps are as right as it is."""
    for i, problem in enumerate(problems):
        policy.reset(Costs())
        for chain in revise(policy, problem.prompt, mix(seed, i), CHAINS, LENGTH):
            for seq in chain:
                own = float(answer(seq.completion) == truth(problem))
                moments = seq.completion.count(STEP_END) + seq.finished
                yield Lesson(tuple(seq.ids[: seq.start]), seq.completion, (own,) * moments)


def report(policy: NativeEngine, judge: Judge, landed: Judge) -> dict[str, float]:
    """Return how well a judge, and one of other solutions, choose among attempts."""
    problems = list(islice(stream("dev", DEV_SEED, DEV_LENGTHS), DEV_PROBLEMS))
    found = {}
    for name, (chains, length) in SHAPES.items():
        rows = [
            _judged(policy, judge, landed, p, i, chains, length) for i, p in enumerate(problems)
        ]
        right, ours, theirs = (np.array([row[k] for row in rows]) for k in range(3))
        own = np.arange(len(right))
        found[f"{name}_chance"] = float(right.mean())
        found[f"{name}_majority"] = float(np.mean([row[3] for row in rows]))
        for who, scores, column in (("judge", ours, 4), ("landed", theirs, 5)):
            found[f"{name}_auc_{who}"] = auc_within_problems(scores, right)
            found[f"{name}_best_by_{who}"] = float(right[own, scores.argmax(1)].mean())
            found[f"{name}_vote_by_{who}"] = float(np.mean([row[column] for row in rows]))
    return found


def _judged(
    policy: NativeEngine,
    judge: Judge,
    landed: Judge,
    problem: Problem,
    key: int,
    chains: int,
    length: int,
) -> tuple[list[bool], list[float], list[float], bool, bool, bool]:
    """Return of the attempts: right or not, both judges' scores; and what three votes come to."""
    for model in (policy, judge, landed):
        model.reset(Costs())
    found = revise(policy, problem.prompt, mix(7, key), chains, length)
    seqs = [seq for chain in found for seq in chain]
    known, words = truth(problem), [seq.completion for seq in seqs]
    alone = [Seq([*problem.prompt, *some], len(problem.prompt), 0) for some in words]
    scores = [[row[-1] if row else 0.0 for row in one.scores(of)] for one, of in
              ((judge, seqs), (landed, alone))]  # fmt: skip
    weights = ([1.0] * len(words), *scores)
    voted = [answer(vote(words, some, answer)) == known for some in weights]
    right = [answer(some) == known for some in words]
    return right, scores[0], scores[1], voted[0], voted[1], voted[2]
