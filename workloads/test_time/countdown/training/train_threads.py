"""Trains the policies that search in one thread and in threads: on from the policy of their seed by traces, then by whether answers are right.

    serial, threads         1,200 steps of 48 rows of problems of one stream (`thread_traces.py`)
    serial-rl, threads-rl   five completions, or trees, of each of eight questions an update; A = (r - mean) / deviation of the group. A tree's
                            advantage is that of each of its sequences, segments of the parent and children: each has a mean over its own words,
                            and a tree one over its sequences

Both go on for as many generated words, those of children counted, by one optimiser at one rate. A reward is 1 for the right answer.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from adabench.workloads.shared.language_model.contract import Costs, Seq, mix
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training import reinforce, word_training
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.policy_gradient import Objective, Words
from adabench.workloads.shared.training.reinforce import Drawn, Outcome, Plan
from adabench.workloads.shared.training.reward_curve import Bits
from adabench.workloads.shared.training.trainer import seeded
from adabench.workloads.test_time.countdown.recipes import SERIAL, THREADS, Recipe
from adabench.workloads.test_time.countdown.substrate.number_problems import SIZES
from adabench.workloads.test_time.countdown.substrate.thread_trees import (
    MOST_CHILDREN,
    THREAD,
    Tree,
    grow,
)
from adabench.workloads.test_time.countdown.training.search_traces import Row
from adabench.workloads.test_time.countdown.training.thread_traces import serial_rows, thread_rows
from adabench.workloads.test_time.countdown.training.train_by_reward import worth
from adabench.workloads.test_time.countdown.truth.true_steps import Replays, questions

WORDS, RATE, POOL, EVALUATIONS = 300_000, 3e-4, 1024, 4
PROMPTS, SAMPLES = 8, 5
DEV_SEED, DEV_QUESTIONS, REPORTED = 9, 256, 400
_KEY, _CHILD = 0xA9A9, 0xC417D


class EngineThreads:
    """An engine as one that decodes threads."""

    def __init__(self, engine: NativeEngine) -> None:
        self._engine = engine

    def spawn(self, parent: Seq, prompts: Sequence[Sequence[int]]) -> list[Seq]:
        """Return child contexts of a parent, each with random numbers of its own."""
        keys = [mix(parent.key, len(parent.ids), _CHILD + k) for k in range(len(prompts))]
        return [self._engine.open(prompt, key) for prompt, key in zip(prompts, keys, strict=True)]

    def append(
        self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]], *, as_: Any = "forced"
    ) -> None:
        """Put words onto sequences."""
        del as_
        self._engine.append(seqs, parts)

    def decode(
        self, seqs: Sequence[Seq], *, temperature: float | None = None, **how: Any
    ) -> object:
        """Sample on from each sequence."""
        return self._engine.decode(
            seqs, temperature=1.0 if temperature is None else temperature, **how
        )


def train(recipe: Recipe, start: LanguageModel, progress: Progress) -> LanguageModel | Outcome:
    """Train a policy on from `start`: on traces, or by reward."""
    by_traces = recipe.successor in (SERIAL, THREADS)
    return (_by_traces if by_traces else _by_reward)(recipe, start, progress)


def _by_traces(recipe: Recipe, start: LanguageModel, progress: Progress) -> LanguageModel:
    seeds = np.random.Generator(np.random.PCG64([recipe.seed, 2]))
    rows = serial_rows if recipe.successor == SERIAL else thread_rows

    def draw(count: int, done: float) -> list[Row]:
        del done
        return rows(int(seeds.integers(1 << 40)), SIZES, count)

    with seeded(recipe.seed):
        model = LanguageModel(recipe.shape)
        model.load_state_dict(start.state_dict())
        batches = word_training.batches_of(draw, recipe.batch, recipe.steps, recipe.seed)
        weights = word_training.follow(model, recipe.rate, recipe.steps, batches, progress)
        model.load_state_dict(weights)
    return model.eval().requires_grad_(False)


def _by_reward(recipe: Recipe, start: LanguageModel, progress: Progress) -> Outcome:
    problems = questions("train", mix(_KEY, recipe.seed), POOL, SIZES)
    serial = recipe.successor.startswith(SERIAL)
    plan = Plan(
        Objective(), recipe.seed, WORDS, THREAD, rate=RATE, prompts=PROMPTS, samples=SAMPLES,
        evaluations=EVALUATIONS, draw=searches if serial else trees,
    )  # fmt: skip

    def validated(policy: NativeEngine) -> Bits:
        posed = questions("dev", DEV_SEED, DEV_QUESTIONS, SIZES)
        grown = _grown(policy, [one.prompt for one in posed], DEV_SEED, recipe.successor)
        return _right(posed, grown)

    prompts = [one.prompt for one in problems]
    return reinforce.train(start, prompts, worth(problems), validated, plan, progress)


def trees(engine: NativeEngine, prompts: Sequence[Words], key: int, plan: Plan) -> list[Drawn]:
    """Return trees of each prompt, with what each of their sequences has read and written."""
    grown = grow(
        EngineThreads(engine), _opened(engine, prompts, key, plan), temperature=plan.temperature
    )
    groups = [grown[at : at + plan.samples] for at in range(0, len(grown), plan.samples)]
    return [
        Drawn(
            tuple(tree.parent.completion for tree in group),
            parts=tuple(tree.rows for tree in group),
        )
        for group in groups
    ]


def searches(engine: NativeEngine, prompts: Sequence[Words], key: int, plan: Plan) -> list[Drawn]:
    """Return searches in one thread for each prompt."""
    opened = _opened(engine, prompts, key, plan)
    most = [THREAD - len(seq.ids) for seq in opened]
    engine.decode(opened, max_new=most, temperature=plan.temperature)
    words = [seq.completion for seq in opened]
    return [
        Drawn(tuple(words[at : at + plan.samples])) for at in range(0, len(words), plan.samples)
    ]


def _opened(engine: NativeEngine, prompts: Sequence[Words], key: int, plan: Plan) -> list[Seq]:
    roots = [engine.open(prompt, mix(key, place)) for place, prompt in enumerate(prompts)]
    return [leaf for root in roots for leaf in engine.fork(root, plan.samples)]


def _grown(policy: NativeEngine, prompts: Sequence[Words], seed: int, how: str) -> list[Tree]:
    """Return a tree, or a search in one thread, of each prompt."""
    policy.reset(Costs())
    seqs = [policy.open(prompt, mix(seed, place)) for place, prompt in enumerate(prompts)]
    if not how.startswith(SERIAL):
        return grow(EngineThreads(policy), seqs)
    policy.decode(seqs, max_new=[THREAD - len(seq.ids) for seq in seqs], temperature=1.0)
    return [Tree(seq) for seq in seqs]


def _right(posed: Sequence[Any], grown: Sequence[Tree]) -> Bits:
    grader = Replays(tuple(posed))
    found = (grader.is_right(k, tree.parent.completion) for k, tree in enumerate(grown))
    return np.fromiter(found, np.bool_, len(grown))


def report(policy: NativeEngine, how: str) -> dict[str, Any]:
    """Return what a policy answers to questions of the `dev` split, and how widely it spawns."""
    figures: dict[str, Any] = {}
    widths = Counter[int]()
    for size in SIZES:
        posed = questions("dev", DEV_SEED + 1, REPORTED, (size,))
        grown = _grown(policy, [one.prompt for one in posed], DEV_SEED + 1, how)
        grader = Replays(posed)
        kinds = [grader.kind(k, tree.parent.completion) for k, tree in enumerate(grown)]
        figures[f"sampled_k{size}"] = float(_right(posed, grown).mean())
        for kind in ("malformed", "search", "arithmetic"):
            figures[f"{kind}_k{size}"] = kinds.count(kind) / len(kinds)
        figures[f"children_k{size}"] = float(np.mean([len(tree.children) for tree in grown]))
        figures[f"refused_k{size}"] = float(np.mean([bool(tree.refusal) for tree in grown]))
        widths.update(width for tree in grown for width in tree.widths)
    spawns = max(1, widths.total())
    figures |= {f"width_{many}": widths[many] / spawns for many in range(1, MOST_CHILDREN + 1)}
    return {name: round(value, 4) for name, value in figures.items()}
