"""How a policy of the format `tries` learns to take an effort: the share of its usual length that a solution may take.

**The start.** The policy of `orders` is taught on by solutions of one to four orders one after another that state the value that came up most.
Half of them have as many tries as the word before them says (1, 1, 2, 3, 4, 4), the others any number: words that say nothing are
passed over, and what a reward teaches behind one of them it then teaches behind all (docs/log/reinforce.md).

**The reward** of a completion, in groups of 8 to one question and one word (`reinforce.py`, GRPO), is 1 if the answer is right and

    e1          its words / the usual words of this question <= effort
    e1-group    the same, the usual words being the mean of the group itself
    permuted    the same as e1, with an effort drawn for each completion: the word before it says nothing
    l1          its words <= effort x the mean of all questions under the start: as many for each of them
    outcome     in any case
    length-w    in any case, less w % of its words / twice that mean

and else 0. **Usual** is a moving mean of what the policy writes to the question behind the word of no limit, beginning with
what the start writes: a pool of few questions comes back often. In e1, permuted and l1 all words are trained together, in
equal shares; in outcome and length-w only that of no limit.

A training is short: behind the smallest efforts one try is reached in 20 updates, and from then on what they teach spreads to the other
words, until after 120 updates all stand before one try (docs/log/reinforce.md).

Words between those that were trained get the mean of their neighbours' embeddings.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice, product

import numpy as np
import torch
from torch import Tensor

from adabench.workloads.shared.language_model.contract import Costs, mix
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training import reinforce
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.policy_gradient import Floats, Objective, Words
from adabench.workloads.shared.training.reinforce import Outcome, Plan, Reward, roll_outs
from adabench.workloads.shared.training.reward_curve import Bits
from adabench.workloads.shared.training.trainer import silent
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.order_problems import Product, stream
from adabench.workloads.test_time.chain.substrate.tries import (
    BETWEEN,
    FACTORS,
    FULL,
    MOST,
    TEMPERATURE,
    TRAINED,
    WORDS,
    answer,
    questions,
    room,
    word_of,
)
from adabench.workloads.test_time.chain.training.short_training import follow
from adabench.workloads.test_time.chain.training.train_models import POOL, pad
from adabench.workloads.test_time.chain.truth.order_solutions import tries_trace, truth

MEMORY = 0.9
"""What a moving mean keeps at each update."""
TRIES_OF = dict(zip(TRAINED, (1, 1, 2, 3, 4, 4), strict=True))
"""How many tries stand behind a word that the start is taught."""
CHANCE = 0.5
"""How often any number does."""
HARD = range(2, FACTORS + 1)
"""Large factors of the questions of a pool: with fewer, tries hardly disagree."""
EVALUATIONS = 4
DEV_SEED, DEV_QUESTIONS = 10, 320
_KEY = 0xE1


def taught(recipe: Recipe, start: LanguageModel, progress: Progress = silent) -> LanguageModel:
    """Return a policy that was taught on from `start` by solutions with slack, behind words of efforts at random."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = LanguageModel(recipe.shape)
        model.load_state_dict(start.state_dict())
        *_, (_, mean) = follow(model, recipe, _batches(recipe), progress)
        model.load_state_dict(mean)
    return with_words_between(model).eval().requires_grad_(False)


def _batches(recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (ids, targets) [batch, T] for ever, of one length each where possible."""
    generator = np.random.Generator(np.random.PCG64(recipe.seed))
    while True:
        problems = stream("train", int(generator.integers(1 << 40)), (FACTORS,))
        rows = []
        for one, effort in zip(islice(problems, POOL * recipe.batch), cycle(TRAINED), strict=False):
            by_chance = generator.random() < CHANCE
            count = int(generator.integers(1, MOST + 1)) if by_chance else TRIES_OF[effort]
            solution = tries_trace(one, generator, count, recipe.mistaken)
            rows.append(((*one.prompt, WORDS[effort]), solution))
        rows.sort(key=lambda row: len(row[0]) + len(row[1]))
        for part in generator.permutation(POOL):
            yield pad(rows[part * recipe.batch : (part + 1) * recipe.batch])


@torch.no_grad()
def with_words_between(model: LanguageModel) -> LanguageModel:
    """Give the words of efforts that nobody is trained on the mean of their neighbours' embeddings."""
    weight = model.embedding.weight
    for effort, neighbours in BETWEEN.items():
        weight[WORDS[effort]] = weight[[WORDS[one] for one in neighbours]].mean(0)
    return model


@dataclass
class UsualLengths:
    """What solutions to each question of a pool usually take, in words: a moving mean."""

    mean: Floats
    """[questions]"""

    def note(self, question: int, lengths: Floats) -> None:
        """Take in what completions without a limit took."""
        self.mean[question] += (1 - MEMORY) * (lengths.mean() - self.mean[question])


@dataclass
class EffortReward:
    """What a completion is worth, by an objective; prompts are pairs of a question and an effort."""

    objective: str
    problems: Sequence[Product]
    pairs: Sequence[tuple[int, float]]
    """By prompt: the place of its question, and its effort."""
    usual: UsualLengths
    """As the start has them."""
    seed: int = 0
    _generator: np.random.Generator = field(init=False)
    _first_mean: float = field(init=False)

    def __post_init__(self) -> None:
        """Keep the mean of the start."""
        self._generator = np.random.Generator(np.random.PCG64(self.seed))
        self._first_mean = float(self.usual.mean.mean())

    def __call__(self, place: int, group: Sequence[Words]) -> list[float]:
        """Return what each completion of a prompt is worth."""
        question, effort = self.pairs[place]
        known = truth(self.problems[question])
        right = np.array([answer(words) == known for words in group], np.float64)
        lengths = np.array([len(words) for words in group], np.float64)
        if effort == FULL:
            self.usual.note(question, lengths)
        return [float(one) for one in right * self._share(question, effort, lengths)]

    def _share(self, question: int, effort: float, lengths: Floats) -> Floats:
        """Return what right answers of these lengths are worth."""
        kind, _, weight = self.objective.partition("-")
        if kind == "length":
            return 1 - float(weight) / 100 * lengths / (2 * self._first_mean)
        if kind == "outcome":
            return np.ones(len(lengths))
        usual = lengths.mean() if weight == "group" else self.usual.mean[question]
        usual = self._first_mean if kind == "l1" else usual
        efforts: Floats | float = effort
        if kind == "permuted":
            efforts = self._generator.choice(TRAINED, len(lengths))
        return np.asarray(lengths / usual <= efforts, np.float64)


def train(recipe: Recipe, start: LanguageModel, progress: Progress = silent) -> Outcome:
    """Train a policy on from `start`, by the reward that the recipe names."""
    key = mix(_KEY, recipe.seed)
    problems = questions("train", key, recipe.problems, (FACTORS,), HARD)
    all_words = recipe.objective.partition("-")[0] in ("e1", "permuted", "l1")
    efforts = TRAINED if all_words else (FULL,)
    pairs = list(product(range(len(problems)), efforts))
    prompts = [(*problems[question].prompt, word_of(effort)) for question, effort in pairs]
    plan = Plan(
        Objective(), recipe.seed, recipe.words, room(problems[0].prompt), rate=recipe.rate,
        prompts=recipe.batch, temperature=TEMPERATURE, evaluations=EVALUATIONS,
    )  # fmt: skip
    usual = UsualLengths(_lengths(start, problems, plan))
    reward: Reward = EffortReward(recipe.objective, problems, pairs, usual, key)

    def tell(words: int, of: int) -> None:
        progress(words * recipe.steps // of, recipe.steps)

    outcome = reinforce.train(start, prompts, reward, validated, plan, tell)
    with_words_between(outcome.model)
    return outcome


def _lengths(start: LanguageModel, problems: Sequence[Product], plan: Plan) -> Floats:
    """Return the mean words of completions without a limit [questions]."""
    prompts = [(*problem.prompt, word_of(FULL)) for problem in problems]
    engine = NativeEngine(start, "policy")
    engine.reset(Costs())
    drawn = roll_outs(engine, prompts, mix(plan.seed, _KEY), plan)
    return np.array([np.mean([len(words) for words in some]) for some in drawn])


def validated(policy: NativeEngine) -> Bits:
    """Return which questions of the `dev` split one sample without a limit answers."""
    return samples(policy, FULL)[0]


def report(policy: NativeEngine) -> dict[str, float]:
    """Return on the `dev` split, by effort, the share of right answers and the mean words of a sample."""
    found = {}
    for effort in sorted(WORDS):
        bits, words = samples(policy, effort)
        found[f"accuracy_{effort:g}"] = float(bits.mean())
        found[f"words_{effort:g}"] = float(words.mean())
    return found


def samples(policy: NativeEngine, effort: float) -> tuple[Bits, Floats]:
    """Return which questions of the `dev` split one sample of an effort answers, and its words."""
    asked = questions("dev", DEV_SEED, DEV_QUESTIONS, (FACTORS,), range(FACTORS + 1))
    policy.reset(Costs())
    word = word_of(effort)
    seqs = [policy.open((*one.prompt, word), mix(DEV_SEED, i)) for i, one in enumerate(asked)]
    policy.decode(seqs, max_new=room(asked[0].prompt), temperature=TEMPERATURE)
    right = (answer(seq.completion) == truth(one) for seq, one in zip(seqs, asked, strict=True))
    lengths = [float(len(seq.completion)) for seq in seqs]
    return np.fromiter(right, np.bool_, len(asked)), np.array(lengths)
