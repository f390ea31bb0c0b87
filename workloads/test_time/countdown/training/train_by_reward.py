"""How a policy of Countdown goes on by whether its answers are right.

    grpo           eight completions of a question; a reward less its group's mean, over its deviation
    grpo-length    the same; a right answer of n words is worth 1 - n / 320
    mrt            a prefix of the policy's own, cut behind a `back`; from it four answer now (`ans`, one attempt) and four go on.
                   A = R - mean reward of the four that answered: the progress that going on makes
    mrt-permuted   the same, held against those that answered for another question: a bonus without a signal

All generate as many words, prefixes and forced answers counted, by one optimiser at one rate. A reward is 1 for the right answer. Questions
are of the `train` split, those of the figures of the `dev` split.
"""

from collections.abc import Sequence

import numpy as np

from adabench.workloads.shared.language_model.contract import Costs, mix
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training import reinforce
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.policy_gradient import Objective, Words
from adabench.workloads.shared.training.reinforce import Drawn, Outcome, Plan, Reward
from adabench.workloads.shared.training.reward_curve import Bits
from adabench.workloads.test_time.countdown.recipes import Recipe
from adabench.workloads.test_time.countdown.substrate.number_problems import (
    ANSWER,
    BACK,
    LAST_WORDS,
    ROOM,
    SIZES,
    TEMPERATURE,
    Problem,
)
from adabench.workloads.test_time.countdown.truth.true_steps import Replays, questions

TERMINATED = 4
"""Roll-outs of a group that answer now."""
PROGRESS = Objective(deviation="none", baseline=TERMINATED)
OBJECTIVES = {
    "grpo": Objective(),
    "grpo-length": Objective(),
    "mrt": PROGRESS,
    "mrt-permuted": Objective(deviation="none", baseline=TERMINATED, shifted=True),
}
WORDS, RATE, POOL, EVALUATIONS = 600_000, 3e-4, 1024, 4
PROMPTS = 8
"""Of an update: so few that no training ends more than one in a hundred words behind another."""
DEV_SEED, DEV_QUESTIONS = 9, 256
_KEY = 0xC0DA


def train(recipe: Recipe, start: LanguageModel, progress: Progress) -> Outcome:
    """Train a policy on from `start` by reward."""
    problems = questions("train", mix(_KEY, recipe.seed), POOL, SIZES)
    plan = Plan(
        OBJECTIVES[recipe.successor], recipe.seed, WORDS, ROOM, rate=RATE, prompts=PROMPTS,
        evaluations=EVALUATIONS,
        draw=from_prefixes if recipe.successor.startswith("mrt") else None,
    )  # fmt: skip
    reward = worth(problems, shorter=recipe.successor == "grpo-length")
    return reinforce.train(
        start, [one.prompt for one in problems], reward, validated, plan, progress
    )


def worth(problems: tuple[Problem, ...], *, shorter: bool = False) -> Reward:
    """Return the reward of right answers to these problems; of `shorter` ones more, by half from the longest to none."""
    grader = Replays(problems)

    def reward(place: int, group: Sequence[Words]) -> list[float]:
        right = [float(grader.is_right(place, words)) for words in group]
        if not shorter:
            return right
        return [
            one * (1 - len(words) / (2 * ROOM)) for one, words in zip(right, group, strict=True)
        ]

    return reward


def from_prefixes(
    engine: NativeEngine, prompts: Sequence[Words], key: int, plan: Plan
) -> list[Drawn]:
    """Return for each prompt roll-outs from a prefix of a completion: those that answer now, then those that go on."""
    opened = [engine.open(prompt, mix(key, place)) for place, prompt in enumerate(prompts)]
    engine.decode(opened, max_new=plan.room, temperature=plan.temperature)
    chosen = np.random.Generator(np.random.PCG64(key))
    prefixes = [_prefix(seq.completion, chosen) for seq in opened]
    groups = []
    for place, (prompt, prefix) in enumerate(zip(prompts, prefixes, strict=True)):
        stem = engine.open((*prompt, *prefix), mix(key, place, len(prompts)))
        groups.append(engine.fork(stem, plan.samples))
    now = [seq for group in groups for seq in group[:TERMINATED]]
    engine.append(now, [[ANSWER]] * len(now))
    rooms = [
        LAST_WORDS if at < TERMINATED else plan.room - len(prefix)
        for prefix, group in zip(prefixes, groups, strict=True)
        for at in range(len(group))
    ]
    every = [seq for group in groups for seq in group]
    engine.decode(every, max_new=rooms, temperature=plan.temperature)
    return [
        Drawn(
            tuple((*prefix, *seq.completion) for seq in group),
            tuple(len(prefix) + (at < TERMINATED) for at in range(len(group))),
        )
        for prefix, group in zip(prefixes, groups, strict=True)
    ]


def _prefix(completion: Words, generator: np.random.Generator) -> Words:
    """Return a completion up to one of its episodes' ends, or nothing of it, with equal probability."""
    ends = [place + 1 for place, word in enumerate(completion) if word == BACK]
    cuts = [0, *(end for end in ends if end <= ROOM - LAST_WORDS)]
    return completion[: cuts[int(generator.integers(len(cuts)))]]


def validated(policy: NativeEngine) -> Bits:
    """Return which questions of the `dev` split one sample each answers."""
    asked = questions("dev", DEV_SEED, DEV_QUESTIONS, SIZES)
    policy.reset(Costs())
    seqs = [policy.open(one.prompt, mix(DEV_SEED, place)) for place, one in enumerate(asked)]
    policy.decode(seqs, max_new=ROOM, temperature=TEMPERATURE)
    grader = Replays(asked)
    right = (grader.is_right(place, seq.completion) for place, seq in enumerate(seqs))
    return np.fromiter(right, np.bool_, len(asked))
