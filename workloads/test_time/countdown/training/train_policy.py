"""Trains a policy of Countdown on traces, from its seed or on from another policy."""

import numpy as np

from adabench.workloads.shared.language_model.contract import Costs, mix
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training import word_training
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.trainer import seeded
from adabench.workloads.test_time.countdown.recipes import Recipe
from adabench.workloads.test_time.countdown.substrate.number_problems import (
    SIZES,
    TEMPERATURE,
    attempts,
    room,
)
from adabench.workloads.test_time.countdown.training.search_traces import Row, rows
from adabench.workloads.test_time.countdown.truth.true_steps import Replays, questions

DEV_SEED, DEV_PROBLEMS, SAMPLES = 3, 200, 8
"""Of each size, and samples of each, for the figures of a card."""


MORE_STEPS, MORE_RATE = 500, 1e-3
"""Of a policy that is taught on by traces: the processor time that learning by reward takes."""


def train(recipe: Recipe, progress: Progress, start: LanguageModel | None = None) -> LanguageModel:
    """Train a policy; from its own seed where it goes on from none."""
    steps, rate = (recipe.steps, recipe.rate) if start is None else (MORE_STEPS, MORE_RATE)
    seeds = np.random.Generator(np.random.PCG64([recipe.seed, start is not None]))

    def draw(count: int, done: float) -> list[Row]:
        del done
        return rows(int(seeds.integers(1 << 40)), SIZES, count)

    with seeded(recipe.seed):
        model = LanguageModel(recipe.shape)
        if start is not None:
            model.load_state_dict(start.state_dict())
        drawn = word_training.batches_of(draw, recipe.batch, steps, recipe.seed)
        model.load_state_dict(word_training.follow(model, rate, steps, drawn, progress))
    return model.eval().requires_grad_(False)


def report(policy: NativeEngine) -> dict[str, float]:
    """Return what a policy answers to problems of the `dev` split, by how many numbers they have."""
    found = {}
    for size in SIZES:
        problems = questions("dev", DEV_SEED, DEV_PROBLEMS, (size,))
        grader = Replays(problems)
        for name, heat, count in (("greedy", 0.0, 1), ("sampled", TEMPERATURE, SAMPLES)):
            policy.reset(Costs())
            opened = [policy.open(one.prompt, mix(DEV_SEED, i)) for i, one in enumerate(problems)]
            leaves = [leaf for root in opened for leaf in policy.fork(root, count)]
            policy.decode(leaves, max_new=room(problems[0].prompt), temperature=heat)
            kinds = [grader.kind(i // count, leaf.completion) for i, leaf in enumerate(leaves)]
            right = np.array([kind == "" for kind in kinds]).reshape(len(problems), count)
            found[f"{name}_k{size}"] = float(right.mean())
            found[f"malformed_{name}_k{size}"] = kinds.count("malformed") / len(kinds)
        found[f"pass8_k{size}"] = float(right.max(1).mean())
        tried = [len(attempts(leaf.completion)) for leaf in leaves]
        found[f"attempts_k{size}"] = float(np.mean(tried))
    return {name: round(value, 4) for name, value in found.items()}
