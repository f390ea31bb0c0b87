"""Teaches a language model by reward: groups of completions of one prompt, compared with each other.

An update draws `samples` completions of each of `prompts` prompts, takes what each is worth, and moves the weights by the gradient of
an objective (`policy_gradient.py`).

**Which prompts are drawn.** All of the pool in turn. One whose mean reward over all its draws is `retire_at` or more is not drawn
again. A `refilled` update goes on drawing, eight times as many prompts at most, until as many groups differ as it has prompts; all that
is drawn counts, and groups beyond that are left out.

**Versions.** Completions come from the weights of `staleness` updates ago, eight at most: a ring of `staleness` + 1 versions. pi_version
is those weights read by the same arithmetic as pi_now, both at the temperature of the draws. So log rho is 0 where the version is the
present one, and whatever else it is is staleness. The engine's own log-probabilities are of another arithmetic and of temperature 1.

**Budget.** A training ends when it has generated its words, never by the clock; on one thread a plan always gives the same bytes. What it
was worth on the way is its curve (`reward_curve.py`): evaluations are neither in its words, FLOPs nor seconds.
"""

import copy
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.contract import Costs, mix
from adabench.workloads.shared.language_model.flop_formula import Formula
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.policy_gradient import (
    Batch,
    Floats,
    Group,
    Objective,
    Words,
    batch_of,
    log_probabilities,
    surrogate,
)
from adabench.workloads.shared.training.reward_curve import Bits, CurvePoint
from adabench.workloads.shared.training.schedule import warmed
from adabench.workloads.shared.training.trainer import Trainer, seeded, silent

Reward = Callable[[int, Sequence[Words]], Sequence[float]]
"""Returns what each completion of a prompt is worth, by the prompt's place in the pool and the group."""
Validate = Callable[[NativeEngine], Bits]
"""Returns which answers to questions that are in no pool are right."""

OLDEST = 8
"""Updates that a version of the weights may lie back."""
BETAS, CLIP, WARM_UP = (0.9, 0.98), 1.0, 10
MOST_DRAWS = 8
"""Of a refilled update."""


class Drawn(NamedTuple):
    """Completions of a prompt, and where what each wrote by itself begins."""

    completions: tuple[Words, ...]
    begins: tuple[int, ...] = ()
    parts: tuple[tuple[tuple[Words, Words], ...], ...] = ()
    """What each has read and written in every sequence that it consists of, where it is not one alone."""


Draw = Callable[[NativeEngine, Sequence[Words], int, "Plan"], list[Drawn]]
"""Returns completions of each prompt, whose random numbers come from a key."""


@dataclass(frozen=True)
class Plan:
    """A training."""

    objective: Objective
    seed: int
    words: int
    """To be generated in all; the update that reaches them is the last."""
    room: int
    """The most words of a completion."""
    rate: float = 3e-4
    prompts: int = 16
    samples: int = 8
    temperature: float = 1.0
    staleness: int = 0
    evaluations: int = 20
    draw: Draw | None = None
    """How groups are drawn, where they are not just completions of a prompt."""


@dataclass(frozen=True)
class Outcome:
    """What a training came to."""

    model: LanguageModel
    curve: tuple[CurvePoint, ...]
    remarks: tuple[str, ...]
    """Sentences on what did not go as planned."""


class Pool:
    """The prompts of a training in the order in which they are drawn: each once, then each once more."""

    def __init__(self, prompts: Sequence[Words], seed: int, retire_at: float) -> None:
        self.prompts, self._retire_at = prompts, retire_at
        self._generator = np.random.Generator(np.random.PCG64(seed))
        self._rewards, self._draws = np.zeros(len(prompts)), np.zeros(len(prompts))
        self._queue: list[int] = []

    def draw(self, count: int) -> list[int]:
        """Return the places of the next prompts; fewer, or none, where the others are retired."""
        found: list[int] = []
        for _ in range(2):
            while self._queue and len(found) < count:
                place = self._queue.pop()
                if place not in found and self._is_open(place):
                    found.append(place)
            if len(found) < count:
                self._queue = [int(k) for k in self._generator.permutation(len(self.prompts))]
        return found

    def note(self, place: int, rewards: Floats) -> None:
        """Take in what completions of a prompt were worth."""
        self._rewards[place] += rewards.mean()
        self._draws[place] += 1

    def _is_open(self, place: int) -> bool:
        return bool(self._rewards[place] < self._retire_at * max(1.0, self._draws[place]))


def train(
    start: LanguageModel,
    prompts: Sequence[Words],
    reward: Reward,
    validate: Validate,
    plan: Plan,
    progress: Progress = silent,
) -> Outcome:
    """Train a copy of `start` by reward.

    Raises:
        SelectionError: for a plan that cannot be followed, or a reward that is no finite number.
    """
    _refuse(plan, len(prompts))
    with seeded(plan.seed):
        run = _Training(start, prompts, reward, plan)
        curve = list(_follow(run, validate, progress))
    run.model.eval().requires_grad_(False)
    return Outcome(run.model, tuple(curve), run.remarks())


def _refuse(plan: Plan, prompts: int) -> None:
    """Refuse a plan that cannot be followed."""
    least = max(2, plan.prompts)
    updates = -(-plan.words // (plan.prompts * plan.samples * plan.room))
    age, pool = plan.staleness, f"A pool of {prompts} cannot fill updates of {plan.prompts}"
    ring = f"A ring of {age + 1} versions is longer than the training"
    for is_so, says, hint in (
        (prompts < least, f"{pool} different prompts.", f"Give it {least} prompts at least."),
        (plan.samples < 2, "A group of one completion has no other.", "Draw samples=2 or more."),
        (not 0 <= age <= OLDEST, f"staleness cannot be {age}.", f"Take 0..{OLDEST} updates."),
        (updates <= age, f"{ring}, of about {updates} updates.", "Take more words or less staleness."),
    ):  # fmt: skip
        if is_so:
            raise SelectionError(says, hint)


def _follow(run: "_Training", validate: Validate, progress: Progress) -> Iterator[CurvePoint]:
    """Yield a point before the first update, at equal shares of the words, and at the end."""
    plan, marks = run.plan, 0
    while True:
        done = run.words >= plan.words or run.is_over
        if done or run.words * plan.evaluations >= marks * plan.words:
            marks = run.words * plan.evaluations // plan.words + 1
            yield run.point(validate)
        if done:
            return
        run.update()
        progress(min(run.words, plan.words), plan.words)


class _Training:
    """The state of a training between two updates."""

    def __init__(
        self, start: LanguageModel, prompts: Sequence[Words], reward: Reward, plan: Plan
    ) -> None:
        self.plan, self._reward = plan, reward
        self.model = copy.deepcopy(start).train().requires_grad_(True)
        optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=plan.rate, betas=BETAS, weight_decay=0.0, fused=True
        )
        self._trainer = Trainer(optimiser, schedule=_rate, clip=CLIP)
        size, width = start.shape, 2 * start.shape.width
        self._formula = Formula(
            2 * size.parameters, 2 * size.layers * width, width * size.vocabulary
        )
        self._pool = Pool(prompts, plan.seed, plan.objective.retire_at)
        self._ring = deque[LanguageModel](maxlen=plan.staleness + 1)
        self.words = self._samples = self._flops = self._drawn = self._taken = 0
        self._cpu_s, self._drift, self._share, self._mean = 0.0, 0.0, 0.0, 0.0
        self.is_over = False

    def update(self) -> None:
        """Draw completions, take their rewards, and move the weights."""
        began_s = time.process_time()
        self._ring.append(copy.deepcopy(self.model) if self.plan.staleness else self.model)
        groups = self._draw()
        self.is_over = not groups
        if groups:
            self._mean = float(np.mean([group.rewards for group in groups]))
            self._share = sum(group.differs for group in groups) / len(groups)
            self._learn(groups)
        self._cpu_s += time.process_time() - began_s

    def _draw(self) -> list[Group]:
        """Return the groups of an update; none where every prompt is retired."""
        wanted, refilled = self.plan.prompts, self.plan.objective.refilled
        found = list[Group]()
        for _ in range(MOST_DRAWS if refilled else 1):
            places = self._pool.draw(wanted)
            found += self._groups(places) if places else []
            if not places or sum(group.differs for group in found) >= wanted:
                break
        return found

    def _groups(self, places: Sequence[int]) -> list[Group]:
        """Let the oldest version answer prompts of the pool, and take the rewards."""
        costs = Costs()
        engine = NativeEngine(self._ring[0], "policy", costs)
        prompts, key = [self._pool.prompts[k] for k in places], mix(self.plan.seed, self._drawn)
        drawn = (self.plan.draw or _samples)(engine, prompts, key, self.plan)
        self._drawn += 1
        self._samples += len(places) * self.plan.samples
        self.words += costs.meter["generated"]
        self._flops += costs.meter["flops"]
        found = []
        for place, prompt, one in zip(places, prompts, drawn, strict=True):
            rewards = checked(self._reward(place, one.completions), len(one.completions))
            self._pool.note(place, rewards)
            found.append(Group(prompt, one.completions, rewards, one.begins, one.parts))
        return found

    def _learn(self, groups: Sequence[Group]) -> None:
        plan, version = self.plan, self._ring[0]
        if plan.objective.refilled:
            groups = [group for group in groups if group.differs][: plan.prompts]
        batch = batch_of(groups, plan.objective)
        if batch is None:
            return
        is_present, before = version is self.model or self._taken == 0, None
        if not is_present:
            with torch.no_grad():
                before = log_probabilities(version, batch, plan.temperature)

        def loss(step: int) -> Tensor:
            del step
            now = log_probabilities(self.model, batch, plan.temperature)
            then = now.detach() if before is None else before
            self._drift = float((now.detach() - then).abs().mean())
            return surrogate(batch, now, then, plan.objective)

        self._trainer.step(self._taken, loss)
        self._taken += 1
        self._flops += (3 + (not is_present)) * self._reading(batch)

    def _reading(self, batch: Batch) -> int:
        """Return the FLOPs of reading a batch once; sending gradients back takes twice as many."""
        (rows, length), own = batch.ids.shape, int(batch.is_own.sum())
        return rows * self._formula.span(0, length) + own * self._formula.head

    def point(self, validate: Validate) -> CurvePoint:
        """Return where the training is; the evaluation is not counted."""
        bits = validate(NativeEngine(self.model, "policy"))
        return CurvePoint(
            words=self.words, samples=self._samples, updates=self._taken, flops=self._flops, cpu_s=round(self._cpu_s, 2),
            drift=self._drift, share=self._share, reward=self._mean, bits=bits,
        )  # fmt: skip

    def remarks(self) -> tuple[str, ...]:
        """Return what did not go as planned."""
        reached = f"{self.words} of {self.plan.words} words"
        said = {
            "No group's rewards differed: no update was made.": not self._taken,
            f"Every prompt of the pool was retired after {reached}.": self.is_over,
        }
        return tuple(sentence for sentence, is_so in said.items() if is_so)


def _rate(peak: float, step: int) -> float:
    """Rise to the peak and stay: the first steps of AdamW are as large as noise makes them."""
    return peak * warmed(step, WARM_UP)


def _samples(engine: NativeEngine, prompts: Sequence[Words], key: int, plan: Plan) -> list[Drawn]:
    return [Drawn(completions) for completions in roll_outs(engine, prompts, key, plan)]


def roll_outs(
    engine: NativeEngine, prompts: Sequence[Words], key: int, plan: Plan
) -> list[tuple[Words, ...]]:
    """Return `plan.samples` completions of each prompt, drawn together."""
    roots = [engine.open(prompt, mix(key, k)) for k, prompt in enumerate(prompts)]
    seqs = [engine.fork(root, plan.samples) for root in roots]
    every = [seq for some in seqs for seq in some]
    engine.decode(every, max_new=plan.room, temperature=plan.temperature)
    return [tuple(seq.completion for seq in some) for some in seqs]


def checked(rewards: Sequence[float], count: int) -> Floats:
    """Return the rewards of a group.

    Raises:
        SelectionError: if one is no finite number, or there are more or fewer than completions.
    """
    found = np.asarray(rewards, np.float64)
    if found.shape != (count,):
        says = f"{len(found)} rewards for {count} completions."
        raise SelectionError(says, "Return one for each completion.")
    wrong = np.flatnonzero(~np.isfinite(found))
    if len(wrong):
        says = f"The reward of completion {wrong[0]} is {found[wrong[0]]}."
        raise SelectionError(says, "A reward is a finite number.")
    return found
