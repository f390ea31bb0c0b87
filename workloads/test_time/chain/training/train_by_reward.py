"""How a policy of the format `splits` learns from whether its answers are right.

    grpo        mean over a completion, over its group's deviation, clipped at 0.8 and 1.2
    dapo        mean over all words, clipped at 0.8 and 1.28; groups of equal rewards are left out, and others drawn in their place
    scale-rl    mean over a prompt's words, over the batch's deviation, CISPO, without groups of equal rewards and prompts that are solved

and `scale-rl` with one part put back: `clip`, `sample`, `group`, `whole`. `permuted` is `grpo` with the rewards of each group dealt out at
random: what is learned without a signal. Of DAPO its penalty on long completions is left out, as none reaches the room it has; of ScaleRL
interruptions, for the same reason, and single precision in the head, as all is in single precision.

The format is `splits` because its policy errs by procedure: one repair helps many problems. In the format `orders` it errs by products that it
was taught wrongly, one by one, and no reward was found to repair those (docs/log/reinforce.md).

A reward is 1 for the right answer and 0 for all others. Prompts are of the `train` split, validation questions of the `dev` split, drawn
as a run draws them.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from adabench.workloads.shared.language_model.contract import Costs, mix
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training import reinforce
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.policy_gradient import Objective, Words
from adabench.workloads.shared.training.reinforce import Outcome, Plan, Reward
from adabench.workloads.shared.training.reward_curve import Bits
from adabench.workloads.shared.training.trainer import silent
from adabench.workloads.test_time.chain.recipes import Recipe
from adabench.workloads.test_time.chain.substrate.problems import Problem, answer, room, stream
from adabench.workloads.test_time.chain.truth.worked_solutions import truth

SCALE_RL = Objective("cispo", "prompt", "batch", filtered=True, retire_at=0.9)
OBJECTIVES = {
    "grpo": Objective(),
    "dapo": Objective("dapo", "token", "group", filtered=True, refilled=True),
    "scale-rl": SCALE_RL,
    "scale-rl-clip": replace(SCALE_RL, loss="dapo"),
    "scale-rl-sample": replace(SCALE_RL, aggregation="sample"),
    "scale-rl-group": replace(SCALE_RL, deviation="group"),
    "scale-rl-whole": replace(SCALE_RL, filtered=False),
    "permuted": Objective(),
}
LENGTHS = (4, 6)
"""Operations of a problem, in the pool and in validation."""
DEV_SEED, DEV_QUESTIONS = 9, 512
_KEY = 0x5CA1E


def train(recipe: Recipe, start: LanguageModel, progress: Progress = silent) -> Outcome:
    """Train a policy on from `start` by reward."""
    key = mix(_KEY, recipe.seed)
    problems = list(islice(stream("train", key, LENGTHS), recipe.problems))
    prompts = [problem.prompt for problem in problems]
    reward = exactness(problems)
    if recipe.objective == "permuted":
        reward = permuted(reward, key)
    plan = Plan(
        OBJECTIVES[recipe.objective], recipe.seed, recipe.words, max(map(room, prompts)),
        rate=recipe.rate, prompts=recipe.batch, staleness=recipe.staleness,
    )  # fmt: skip

    def tell(words: int, of: int) -> None:
        progress(words * recipe.steps // of, recipe.steps)

    return reinforce.train(start, prompts, reward, validated, plan, tell)


def exactness(problems: Sequence[Problem]) -> Reward:
    """Return the reward of right answers to these problems."""
    known = [truth(problem) for problem in problems]

    def reward(place: int, group: Sequence[Words]) -> list[float]:
        return [float(answer(words) == known[place]) for words in group]

    return reward


def permuted(reward: Reward, seed: int) -> Reward:
    """Return a reward that deals those of a group out among its completions at random."""
    generator = np.random.Generator(np.random.PCG64(seed))

    def dealt(place: int, group: Sequence[Words]) -> list[float]:
        return [float(one) for one in generator.permutation(reward(place, group))]

    return dealt


def validated(policy: NativeEngine) -> Bits:
    """Return which questions of the `dev` split one sample each answers."""
    streams = [stream("dev", mix(DEV_SEED, length), [length]) for length in LENGTHS]
    asked = [next(streams[i % len(streams)]) for i in range(DEV_QUESTIONS)]
    policy.reset(Costs())
    seqs = [policy.open(problem.prompt, mix(DEV_SEED, i)) for i, problem in enumerate(asked)]
    policy.decode(seqs, max_new=max(room(problem.prompt) for problem in asked), temperature=1.0)
    right = (answer(seq.completion) == truth(one) for seq, one in zip(seqs, asked, strict=True))
    return np.fromiter(right, np.bool_, len(asked))
