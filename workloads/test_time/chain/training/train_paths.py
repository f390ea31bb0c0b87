"""How a policy learns to sum up paths that it wrote side by side (ParaThinker, arXiv 2509.04475).

    prompt   <think1> solution <eos>   ...   <think6> solution <eos>   <summary> ans value <eos>

Rows are packed into one text each (`pooled/thought_model.py`): paths begin at the same place and do not see one another, the summary sees everything.
Paths are those that the policy it goes on from wrote itself, at the temperature at which it is asked: of a row's six one to five are right, as a
summary that may copy any path learns nothing. A summary sees as many of the six as is drawn, the first right one among them, and says the right value.
The loss is the mean over words of paths and that over words of summaries, in equal parts. In three rows of ten two of the paths behind the first
stand behind the words that six paths do not use, so that eight can be written.

**How good**, on the `dev` split: one path, the majority and the summary of so many; with the same word before all paths, with thoughts of zero, in
one line (flattened places, as if paths were read again as a text), and of paths of other questions.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.shared.language_model.contract import Costs, Seq, mix
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.pooled.thought_engine import ThoughtEngine
from adabench.workloads.shared.language_model.pooled.thought_model import (
    PATHS,
    SUMMARY,
    THINK,
    ThoughtModel,
    segments_of,
)
from adabench.workloads.shared.language_model.vocabulary import EOS
from adabench.workloads.shared.training import language_recipe
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.trainer import seeded, silent
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.order_problems import (
    TEMPERATURE,
    ZERO,
    Product,
    stream,
)
from adabench.workloads.test_time.chain.substrate.order_problems import answer as stated
from adabench.workloads.test_time.chain.substrate.paths import (
    FACTORS,
    SUMMARY_WORDS,
    TRAINED,
    answer,
    path_room,
)
from adabench.workloads.test_time.chain.substrate.tries import STATED, questions
from adabench.workloads.test_time.chain.truth.order_solutions import truth

OTHERS = 0.3
"""Share of the rows with words that six paths do not use."""
SAMPLES, TOGETHER = 8, 64
"""Paths that are sampled of a problem, and problems of a batch."""
DEV_SEED, DEV_QUESTIONS = 11, 200
WIDTHS = (1, 2, 4, 8)
PATH = path_room(range(FACTORS + 4))
"""Words of a path behind the one that begins it, `<eos>` included."""
_TRAINING = 0x9A7B
Words = tuple[int, ...]


class Written(NamedTuple):
    """What the policy made of a problem: whole paths, `<eos>` included."""

    prompt: Words
    answer: int
    right: tuple[Words, ...]
    wrong: tuple[Words, ...]


class Frame(NamedTuple):
    """What all packed texts share."""

    turns: Tensor
    masks: Tensor
    """[paths, T, T]: who reads whom, where a summary sees the first path, the first two, and so on."""
    paths: Tensor
    """Places [words] of paths behind which a word is learned."""


def train(
    recipe: Recipe, start: LanguageModel, policy: NativeEngine, progress: Progress = silent
) -> ThoughtModel:
    """Train a model of segments on from `start`, on paths that a policy writes; return it in evaluation mode."""
    assert isinstance(start, ThoughtModel), "its recipe has a shape of segments"
    drawn = batches(collect(policy, recipe.problems, recipe.seed), recipe)
    frame = packed_frame(FACTORS + 4, PATH)

    def loss(step: int) -> Tensor:
        del step
        ids, targets, seen = next(drawn)
        segments = torch.tensor([segments_of(row) for row in ids.tolist()])
        n, length = ids.shape
        turns = frame.turns.expand(n, length)
        logits = start.packed(ids, turns, segments, frame.masks[seen - 1])
        parts = frame.paths, torch.arange(length - SUMMARY_WORDS, length)
        losses = [
            F.cross_entropy(logits[:, part].flatten(0, 1), targets[:, part].flatten())
            for part in parts
        ]
        return losses[0] + losses[1]

    start.requires_grad_(True).train()
    with seeded(recipe.seed):
        trainer = language_recipe.trainer_of(start, recipe.rate, recipe.steps)
        trainer.fit(loss, recipe.steps, progress)
    return start.eval().requires_grad_(False)


def packed_frame(prompt: int, path: int) -> Frame:
    """Return what texts share whose prompts and paths have so many words, an end each for the word that begins it."""
    turns = [*range(prompt), *(prompt + at for _ in range(TRAINED) for at in range(path))]
    turns += range(prompt + path, prompt + path + SUMMARY_WORDS)
    owners = np.array([0] * prompt + [1 + i // path for i in range(TRAINED * path)] + [-1] * 3)
    own = (owners[:, None] == owners) | (owners == 0)
    sums = owners[:, None] == -1
    masks = [np.tril(own | (sums & (owners <= seen))) for seen in range(1, TRAINED + 1)]
    return Frame(
        torch.tensor(turns),
        torch.from_numpy(np.stack(masks)),
        torch.arange(prompt, prompt + TRAINED * path),
    )


def collect(policy: NativeEngine, count: int, seed: int) -> list[Written]:
    """Sample paths of so many problems; those of which all are right, or none, teach nothing."""
    problems = list(islice(stream("train", mix(_TRAINING, seed), (FACTORS,)), count))
    found: list[Written] = []
    for begin in range(0, count, TOGETHER):
        found += _sampled(policy, problems[begin : begin + TOGETHER], mix(seed, begin))
    return [
        one for one in found if one.right and one.wrong and len(one.right + one.wrong) > TRAINED
    ]


def _sampled(policy: NativeEngine, problems: Sequence[Product], key: int) -> Iterator[Written]:
    policy.reset(Costs())
    roots = [policy.open(problem.prompt, mix(key, i)) for i, problem in enumerate(problems)]
    leaves = [policy.fork(root, SAMPLES) for root in roots]
    every = [leaf for some in leaves for leaf in some]
    policy.decode(every, max_new=PATH, temperature=TEMPERATURE)
    for problem, some in zip(problems, leaves, strict=True):
        known = truth(problem)
        whole = [leaf.completion for leaf in some if len(leaf.completion) == PATH]
        said = [(words, stated(words)) for words in whole]
        right = tuple(words for words, value in said if value == known)
        wrong = tuple(words for words, value in said if value not in (known, None))
        yield Written(problem.prompt, known, right, wrong)


def batches(written: Sequence[Written], recipe: Recipe) -> Iterator[tuple[Tensor, ...]]:
    """Yield (ids, targets) [batch, T], and how many paths each summary sees, for ever."""
    generator = np.random.Generator(np.random.PCG64(recipe.seed))
    while True:
        some = [
            packed_row(written[at], generator)
            for at in generator.integers(len(written), size=recipe.batch)
        ]
        yield tuple(map(torch.tensor, zip(*some, strict=True)))


def packed_row(
    written: Written, generator: np.random.Generator
) -> tuple[list[int], list[int], int]:
    """Return words, those that follow, and how many paths the summary sees: a right one at least, of six some of which are wrong."""
    every = [(words, True) for words in written.right] + [(words, False) for words in written.wrong]
    while True:
        paths = [every[at] for at in generator.permutation(len(every))[:TRAINED]]
        right = [is_right for _, is_right in paths]
        if 0 < sum(right) < TRAINED:
            break
    seen = int(generator.integers(right.index(True) + 1, TRAINED + 1))
    ids, targets = list(written.prompt), [EOS] * len(written.prompt)
    for word, (words, _) in zip(_words(generator), paths, strict=True):
        ids += (word, *words[:-1])
        targets += words
    summary = (SUMMARY, STATED, ZERO + written.answer, EOS)
    return [*ids, *summary[:-1]], [*targets, *summary[1:]], seen


def _words(generator: np.random.Generator) -> list[int]:
    """Return the words that paths begin with: sometimes two behind the first are those that six paths do not use."""
    words = list(THINK[:TRAINED])
    if generator.random() < OTHERS:
        places = generator.choice(np.arange(1, TRAINED), PATHS - TRAINED, replace=False)
        for place, word in zip(np.sort(places), THINK[TRAINED:], strict=True):
            words[place] = word
    return words


def report(policy: ThoughtEngine) -> dict[str, float]:
    """Return what paths and their summaries come to on problems of the `dev` split."""
    problems = questions("dev", DEV_SEED, DEV_QUESTIONS, (FACTORS,), range(FACTORS + 1))
    right: Counter[str] = Counter()
    bare = without_thoughts(policy)
    malformed = 0
    for i, problem in enumerate(problems):
        policy.reset(Costs())
        bare.reset(Costs())
        paths = write_paths(policy, problem, mix(11, i), THINK)
        other = write_paths(policy, problems[(i + 7) % len(problems)], mix(12, i), THINK)
        values = [answer(path.completion) for path in paths]
        said = {f"summary_{n}": sum_up(policy, paths[:n]) for n in WIDTHS}
        said |= {f"majority_{n}": Counter(values[:n]).most_common(1)[0][0] for n in WIDTHS}
        said["of_other_paths"] = sum_up(policy, [policy.open(problem.prompt, 1), *other])
        for name, engine, words in (
            ("same_word_8", policy, THINK[:1] * PATHS),
            ("without_thoughts_8", bare, THINK),
        ):
            said[name] = sum_up(engine, write_paths(engine, problem, mix(11, i), words))
        said["in_one_line_4"] = _said_behind(policy, _in_one_line(policy, problem, paths[:4]))
        right.update(name for name, value in said.items() if value == truth(problem))
        right["any_8"] += truth(problem) in values
        mode = Counter(values).most_common(1)[0][0]
        right["summary_is_mode_8"] += said["summary_8"] == mode
        malformed += values.count(None)
    shares = {name: count / len(problems) for name, count in sorted(right.items())}
    return {**shares, "malformed": malformed / len(problems) / PATHS}


def without_thoughts(policy: ThoughtEngine) -> ThoughtEngine:
    """Return the same policy whose thoughts are zero."""
    model = deepcopy(policy.thinker)
    model.thoughts.zero_()
    return ThoughtEngine(model, policy.name)


def write_paths(
    policy: ThoughtEngine, problem: Product, key: int, words: Sequence[int]
) -> list[Seq]:
    """Return a path of a problem behind each word."""
    paths = policy.fork(policy.open(problem.prompt, key), len(words))
    policy.append(paths, [[word] for word in words])
    policy.decode(paths, max_new=path_room(problem.prompt), temperature=TEMPERATURE)
    return paths


def sum_up(policy: ThoughtEngine, paths: Sequence[Seq]) -> int | None:
    """Return what a policy says behind paths; nothing if it is malformed."""
    return _said_behind(policy, policy.merge(paths))


def _said_behind(policy: ThoughtEngine, merged: Seq) -> int | None:
    policy.append([merged], [[SUMMARY]])
    policy.decode([merged], max_new=SUMMARY_WORDS, temperature=0.0)
    return answer(merged.completion)


def _in_one_line(policy: ThoughtEngine, problem: Product, paths: Sequence[Seq]) -> Seq:
    """Return the same words as one text, read anew."""
    words = [word for path in paths for word in path.completion if word != EOS]
    return policy.open((*problem.prompt, *words), 1)
