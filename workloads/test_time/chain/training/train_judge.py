"""How a judge is trained, and how good it is.

**Labels by Monte Carlo.** For each problem of the `prm` split the policy samples solutions, step by step. From every prefix that ends in `;` it rolls out to the end a few more
times; the share of right answers, the solution's own included, is the prefix's label. Nothing else
is known of a step: no intermediate value, no rule of arithmetic.

    loss = binary cross-entropy(score at `;`, share right), all steps of a solution alike

The trunk begins as the policy with new layers, is trained for longer on traces of a better teacher, and rounded
as it will be stored; it stays as it is while the head learns.

**How good.** Pooled AUC mostly measures how hard a problem is. What selection needs is the AUC
*within problems*: over pairs of a right and a wrong solution of one problem, how often the
right one scores higher. `report` gives both, calibration, and what the score is for: the accuracy
of best-of-16 and of a vote weighted by the judge beside majority and chance, on problems nobody was trained on. A
judge whose vote is no better than one without it has failed (`passes`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.shared.counting.ranking import auc
from adabench.workloads.shared.language_model.contract import STEP, Costs, Seq, mix
from adabench.workloads.shared.language_model.domain import Words
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.reward_model import Head, Judge
from adabench.workloads.shared.language_model.vocabulary import STEP_END
from adabench.workloads.shared.training import language_recipe
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.language_recipe import WEIGHT_DECAY
from adabench.workloads.shared.training.trainer import Trainer
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.order_problems import (
    TEMPERATURE,
    Product,
    answer,
    questions,
    room,
)
from adabench.workloads.test_time.chain.training import order_training
from adabench.workloads.test_time.chain.truth.order_solutions import truth
from adabench.workloads.test_time.substrate.voting import vote

SOLUTIONS, ROLL_OUTS = 6, 3
TRUNK_SEED = 1000
HEAD_STEPS, HEAD_BATCH, HEAD_RATE = 4000, 512, 2e-3
TOGETHER = 32
"""Problems whose solutions are sampled in one batch."""


@dataclass(frozen=True)
class Lesson:
    """A solution, and how likely each of its steps was to end well."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    shares: tuple[float, ...]
    """One for every `;`, and one for having stopped."""


def collect(policy: NativeEngine, problems: Sequence[Product], seed: int) -> list[Lesson]:
    """Sample solutions and label each of their prefixes by roll-outs."""
    lessons: list[Lesson] = []
    for start in range(0, len(problems), TOGETHER):
        policy.reset(Costs())
        lessons += _batch(policy, problems[start : start + TOGETHER], mix(seed, start))
    return lessons


def _batch(policy: NativeEngine, problems: Sequence[Product], key: int) -> Iterator[Lesson]:
    roots = [policy.open(problem.prompt, mix(key, i)) for i, problem in enumerate(problems)]
    owners = [problem for problem in problems for _ in range(SOLUTIONS)]
    seqs = [seq for root in roots for seq in policy.fork(root, SOLUTIONS)]
    rolled: list[list[float]] = [[] for _ in seqs]
    longest = max(room(problem.prompt) for problem in problems)
    while True:
        going = [
            i for i, seq in enumerate(seqs) if not seq.finished and len(seq.completion) < longest
        ]
        if not going:
            break
        leaves = [seqs[i] for i in going]
        policy.decode(leaves, stop=STEP, max_new=longest, temperature=TEMPERATURE)
        stepped = [i for i in going if seqs[i].ids[-1] == STEP_END]
        for i, share in zip(stepped, _shares(policy, seqs, stepped, owners), strict=True):
            rolled[i].append(share)
    for seq, problem, shares in zip(seqs, owners, rolled, strict=True):
        own = float(answer(seq.completion) == truth(problem))
        mixed = [(ROLL_OUTS * share + own) / (ROLL_OUTS + 1) for share in shares]
        if seq.finished:
            mixed.append(own)
        yield Lesson(problem.prompt, seq.completion, tuple(mixed))


def _shares(
    policy: NativeEngine,
    seqs: Sequence[Seq],
    which: Sequence[int],
    owners: Sequence[Product],
) -> list[float]:
    """Return the share of right answers among roll-outs from each sequence."""
    leaves = [leaf for i in which for leaf in policy.fork(seqs[i], ROLL_OUTS)]
    problems = [owners[i] for i in which for _ in range(ROLL_OUTS)]
    limit = max((room(problem.prompt) for problem in problems), default=0)
    policy.decode(leaves, max_new=limit, temperature=TEMPERATURE)
    right = [
        answer(leaf.completion) == truth(problem)
        for leaf, problem in zip(leaves, problems, strict=True)
    ]
    for leaf in leaves:
        policy.close(leaf)
    return [float(np.mean(part)) for part in np.array(right).reshape(-1, ROLL_OUTS)]


def train(
    recipe: Recipe, trunk: LanguageModel, policy: NativeEngine, progress: Progress
) -> tuple[LanguageModel, Head]:
    """Train a judge; return its trunk and head in evaluation mode."""
    trunk = _trained_trunk(recipe, trunk, progress)
    lessons = collect(policy, questions("prm", recipe.seed, recipe.problems), recipe.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        head = Head(recipe.shape.width)
        reader = Judge(NativeEngine(trunk, recipe.name, role="judge"), head)
        fit_head(recipe, head, *moment_tensors(reader, lessons))
    return trunk, head.eval().requires_grad_(False)


def _trained_trunk(recipe: Recipe, trunk: LanguageModel, progress: Progress) -> LanguageModel:
    """Train a trunk for longer, with more layers, from the traces of its own teacher."""
    language = replace(recipe, seed=TRUNK_SEED + recipe.seed)
    return order_training.train(language, progress, start=trunk)


def moment_tensors(reader: Judge, lessons: Sequence[Lesson]) -> tuple[Tensor, Tensor, Tensor]:
    """Return states [m, d], features [m, 8] and labels [m] of every moment of the lessons."""
    states, features, labels = [], [], list[float]()
    for lesson in lessons:
        reader.reset(Costs())
        moments = reader.moments([Seq([*lesson.prompt, *lesson.completion], len(lesson.prompt), 0)])
        for moment, share in zip(moments, lesson.shares, strict=True):
            states.append(moment.state)
            features.append(moment.features)
            labels.append(share)
    return (
        torch.from_numpy(np.stack(states)),
        torch.from_numpy(np.stack(features)),
        torch.tensor(labels),
    )


def fit_head(recipe: Recipe, head: Head, states: Tensor, features: Tensor, labels: Tensor) -> None:
    """Train a head on moments: states [m, d], features [m, 8] and labels [m]."""
    generator = torch.Generator().manual_seed(recipe.seed)
    optimiser = torch.optim.AdamW(head.parameters(), lr=HEAD_RATE, weight_decay=WEIGHT_DECAY)

    def loss(step: int) -> Tensor:
        del step
        rows = torch.randint(len(labels), (HEAD_BATCH,), generator=generator)
        logits = head(states[rows], features[rows])
        return F.binary_cross_entropy_with_logits(logits, labels[rows])

    Trainer(optimiser, schedule=language_recipe.schedule(HEAD_STEPS)).fit(loss, HEAD_STEPS)


@dataclass(frozen=True)
class Judged:
    """Samples of one problem."""

    right: list[bool]
    last: list[float]
    """The judge's last score of each."""
    least: list[float]
    vote_right: bool
    """Whether the answer that most of them state is right."""
    judged_vote_right: bool
    """Whether that is right for which the last scores of those that state it add up to most."""


def report(
    policy: NativeEngine, judge: Judge, problems: Sequence[Product], n: int = 16
) -> dict[str, float]:
    """Return how well a judge tells right from wrong, and chooses, on given problems."""
    judged = [_judged(policy, judge, problem, mix(7, i), n) for i, problem in enumerate(problems)]
    right = np.array([row.right for row in judged])
    last, least = np.array([row.last for row in judged]), np.array([row.least for row in judged])
    return {
        "chance": float(right.mean()),
        "auc_pooled": auc(last.ravel(), right.ravel()),
        "auc_within": auc_within_problems(last, right),
        "auc_within_min": auc_within_problems(least, right),
        "calibration_error": calibration_error(last.ravel(), right.ravel()),
        "majority": float(np.mean([row.vote_right for row in judged])),
        "judged_vote": float(np.mean([row.judged_vote_right for row in judged])),
        "best_by_judge": float(right[np.arange(len(right)), last.argmax(1)].mean()),
        "best_by_judge_min": float(right[np.arange(len(right)), least.argmax(1)].mean()),
        "pass": float(right.any(1).mean()),
    }


def passes(dev: Mapping[str, float]) -> bool:
    """Say whether a judge, by its report, is better than a vote without it.

    It shares beliefs with its policy, so that choosing the best of many by its score alone finds what both
    believe; there its votes count.
    """
    return dev["judged_vote"] > dev["majority"]


def _judged(policy: NativeEngine, judge: Judge, problem: Product, key: int, n: int) -> Judged:
    """Sample n solutions of a problem and let the judge score them."""
    policy.reset(Costs())
    judge.reset(Costs())
    leaves = policy.fork(policy.open(problem.prompt, key), n)
    policy.decode(leaves, max_new=room(problem.prompt), temperature=TEMPERATURE)
    scores = judge.scores(leaves)
    completions = [leaf.completion for leaf in leaves]
    last = [row[-1] if row else 0.0 for row in scores]

    def is_right(completion: Words) -> bool:
        return answer(completion) == truth(problem)

    return Judged(
        [is_right(one) for one in completions],
        last,
        [min(row, default=0.0) for row in scores],
        is_right(vote(completions, [1.0] * n, answer)),
        is_right(vote(completions, last, answer)),
    )


Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def auc_within_problems(scores: Floats, right: Floats) -> float:
    """Return the AUC over pairs of one problem; every such pair counts the same. NaN where there is none."""
    pairs = [
        (auc(s, r), r.sum() * (~r).sum())
        for s, r in zip(scores, right.astype(bool), strict=True)
        if r.any() and not r.all()
    ]
    if not pairs:
        return float("nan")
    return float(np.average([a for a, _ in pairs], weights=[w for _, w in pairs]))


def calibration_error(scores: Floats, right: Floats, bins: int = 10) -> float:
    """Return the mean distance between score and share right over bins of equal count."""
    order = np.argsort(scores)
    parts = np.array_split(order, bins)
    return float(np.mean([abs(scores[part].mean() - right[part].mean()) for part in parts]))
