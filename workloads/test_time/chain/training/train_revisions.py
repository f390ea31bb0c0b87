"""How a policy learns to revise: from its own wrong attempts at a problem to a right one.

    <bos>  wrong ; retry  wrong ; retry  question  right ; <eos>          loss on the right one alone

A policy samples solutions of `train` problems. A row takes 0 to 4 of a problem's wrong
ones, as many as are drawn with equal probability, two at most where they have seven steps, and ends in a right one. Among the wrong ones the
last is that with the least edit distance (in words) to the right one, so that there is something to be
learned of it; the others are any. Where a row would leave the context its earliest attempts are left out.
The policy goes on from its own weights, with the steps and the mean of `short_training.py`, difficulties mixed.

The question stands behind the attempts: in front of them the policy, which finds its place by how far
away it is, lost count of it, and was right a tenth as often after as many steps.

**How good**, on the `dev` split: how often the k-th attempt of a chain is right, how many of the right ones
the next attempt loses, and how many of the wrong ones it mends.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adabench.workloads.shared.compiled.kernels import compiled
from adabench.workloads.shared.language_model.contract import Costs, Seq, mix
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.vocabulary import EOS
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.attempt_judge import RETRY
from adabench.workloads.test_time.chain.substrate.order_problems import (
    TEMPERATURE,
    Product,
    answer,
    questions,
    room,
)
from adabench.workloads.test_time.chain.training import short_training
from adabench.workloads.test_time.chain.training.train_models import POOL, pad
from adabench.workloads.test_time.chain.truth.order_solutions import truth
from adabench.workloads.test_time.substrate.attempt_chains import READ

SAMPLES = 16
"""Of each problem."""
MOST_WRONG = 4
TOGETHER = 64
"""Problems whose attempts are sampled in one batch."""
DEV_SEED, DEV_PROBLEMS, DEV_ATTEMPTS = 5, 200, 8
"""Problems of all difficulties, and attempts in a chain."""

Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Words = tuple[int, ...]
Row = tuple[Words, Words]
"""What is read, and what is learned to be written."""


@dataclass(frozen=True)
class Attempts:
    """What a policy made of one problem: different attempts, without the word by which they ended."""

    prompt: Words
    right: tuple[Words, ...]
    wrong: tuple[Words, ...]


def collect(policy: NativeEngine, problems: Sequence[Product], seed: int) -> list[Attempts]:
    """Sample attempts at problems; those without a right one teach nothing."""
    found: list[Attempts] = []
    for start in range(0, len(problems), TOGETHER):
        found += _batch(policy, problems[start : start + TOGETHER], mix(seed, start))
    return [one for one in found if one.right]


def _batch(policy: NativeEngine, problems: Sequence[Product], key: int) -> Iterator[Attempts]:
    policy.reset(Costs())
    roots = [policy.open(problem.prompt, mix(key, i)) for i, problem in enumerate(problems)]
    leaves = [policy.fork(root, SAMPLES) for root in roots]
    longest = max(room(problem.prompt) for problem in problems)
    every = [leaf for some in leaves for leaf in some]
    policy.decode(every, max_new=longest, temperature=TEMPERATURE)
    for problem, some in zip(problems, leaves, strict=True):
        ended = [leaf.completion for leaf in some if leaf.finished]
        stated = {completion[:-1]: answer(completion) for completion in ended}
        known = truth(problem)
        right = tuple(words for words, said in stated.items() if said == known)
        wrong = tuple(words for words, said in stated.items() if said not in (known, None))
        yield Attempts(problem.prompt, right, wrong)


def row(attempts: Attempts, generator: np.random.Generator) -> Row:
    """Return one row: some wrong attempts, the nearest of them last, and a right one."""
    right = attempts.right[generator.integers(len(attempts.right))]
    count = min(int(generator.integers(MOST_WRONG + 1)), len(attempts.wrong))
    wrong = [attempts.wrong[i] for i in generator.permutation(len(attempts.wrong))]
    read: list[Words] = []
    if count:
        nearest = min(wrong, key=lambda words: distance(words, right))
        others = [words for words in wrong if words is not nearest]
        read = [*others[: count - 1], nearest]
    before, question = RETRY.read(attempts.prompt, read)
    return (*before, *question), (*right, EOS)


def distance(one: Words, other: Words) -> int:
    """Return the edit distance of two attempts: words to be put in, left out or changed."""
    return int(_distance(np.array(one, np.int64), np.array(other, np.int64)))


def _edits(one: Ints, other: Ints) -> int:
    before = np.arange(len(other) + 1)
    for i in range(len(one)):
        latest = np.empty_like(before)
        latest[0] = i + 1
        for j in range(len(other)):
            change = before[j] + (one[i] != other[j])
            latest[j + 1] = min(change, before[j + 1] + 1, latest[j] + 1)
        before = latest
    return int(before[-1])


_distance = compiled(_edits)


def train(
    recipe: Recipe, start: LanguageModel, policy: NativeEngine, progress: Progress
) -> LanguageModel:
    """Train a policy on from `start`; return it in evaluation mode."""
    problems = questions("train", recipe.seed, recipe.problems)
    attempts = collect(policy, problems, recipe.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = LanguageModel(recipe.shape)
        model.load_state_dict(start.state_dict())
        learn(model, recipe, batches(attempts, recipe), progress)
    return model.eval().requires_grad_(False)


def learn(
    model: LanguageModel,
    recipe: Recipe,
    drawn: Iterator[tuple[Tensor, Tensor]],
    progress: Progress,
) -> None:
    """Train a model to the end of its steps, and leave it the mean of its weights."""
    *_, (_, mean) = short_training.follow(model, recipe, drawn, progress)
    model.load_state_dict(mean)


def batches(attempts: Sequence[Attempts], recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (ids, targets) [batch, T] for ever, eight at a time out of one pool, each of about one length."""
    generator = np.random.Generator(np.random.PCG64(recipe.seed))
    while True:
        drawn = generator.integers(len(attempts), size=POOL * recipe.batch)
        rows = [row(attempts[i], generator) for i in drawn]
        rows.sort(key=lambda one: len(one[0]) + len(one[1]))
        for part in generator.permutation(POOL):
            yield pad(rows[part * recipe.batch : (part + 1) * recipe.batch])


def revise(
    policy: NativeEngine, prompt: Words, key: int, chains: int, length: int
) -> list[list[Seq]]:
    """Return chains of attempts at a problem, as sessions write them (`attempt_chains.py`)."""
    found = [[leaf] for leaf in policy.fork(policy.open(prompt, key), chains)]
    firsts = [chain[0] for chain in found]
    policy.decode(firsts, max_new=room(prompt), temperature=TEMPERATURE)
    for _ in range(length - 1):
        fresh = []
        for chain in found:
            bodies = [seq.completion[: -1 if seq.finished else None] for seq in chain[-READ:]]
            before, question = RETRY.read(prompt, bodies)
            key = mix(chain[-1].key, len(chain[-1].ids))
            fresh.append(policy.open((*before, *question), key))
            chain.append(fresh[-1])
        policy.decode(fresh, max_new=room(prompt), temperature=TEMPERATURE)
    return found


def report(policy: NativeEngine) -> dict[str, float]:
    """Return what chains of attempts come to on problems of the `dev` split."""
    right = []
    for i, problem in enumerate(questions("dev", DEV_SEED, DEV_PROBLEMS)):
        policy.reset(Costs())
        chains = revise(policy, problem.prompt, mix(11, i), 4, DEV_ATTEMPTS)
        known = truth(problem)
        right += [[answer(seq.completion) == known for seq in chain] for chain in chains]
    fates = np.array(right, np.float64)
    found = {f"attempt{k}": float(fates[:, k - 1].mean()) for k in (1, 2, 4, DEV_ATTEMPTS)}
    before, after = fates[:, :-1], fates[:, 1:]
    found["lost"] = float((before * (1 - after)).sum() / before.sum())
    found["mended"] = float(((1 - before) * after).sum() / (1 - before).sum())
    return found
