"""Policies for hunts are trained as those for arms are, over the classes of difficulty.

    robust    min over policies of max over (k, instance in class k) of loss - L(k)
    prior     min over policies of the mean loss

There are no specialists: L(k) is what soft binary search loses in class k. The adversary has no gradient: of
thresholds it changes instances at random and keeps the worst; of questions it tries all hundred objects.
Questions have eight tables from a stream of their own, so that no table of a run was seen; their classes are
the 25, 50, 75 and 100 % of objects that are easiest by C. Thresholds have five classes of C.
"""

from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import torch

from adabench.workloads.algorithms.active_search.substrate import thresholds
from adabench.workloads.algorithms.active_search.substrate.bandits import (
    Board,
    Floats,
    Ints,
    Policy,
    Small,
    first_best,
)
from adabench.workloads.algorithms.active_search.substrate.hypothesis_policy import Sampler
from adabench.workloads.algorithms.active_search.substrate.hypothesis_search import (
    hardness,
    hypothesis_draws,
    information_gain,
    play_instances,
    run,
)
from adabench.workloads.algorithms.active_search.substrate.policy_network import Network
from adabench.workloads.algorithms.active_search.substrate.twenty_questions import table
from adabench.workloads.algorithms.active_search.training.train_bandit import (
    Tick,
    draw_weights,
    reinforce,
    remember,
)

QUERIES = 20
TABLES = 8
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of a table's objects, the easiest first: the classes of questions."""
PARTICLES = 64
"""In a class of thresholds."""
GROUPS, TWINS = 64, 4
SHARP_CLASS, SHARP = 0.02, 0.1
FORGET_CLASS, FORGET = 0.04, 0.1
RENEW_EVERY = 25
ENTROPY = 0.01
AVERAGE = 0.98
TRIED, WORST = 64, 5
"""Episodes by which an offset is measured, and over how many of the worst instances of a class."""


@dataclass
class HypothesisParticles:
    """Instances of one model in classes, how each does, and how often each is drawn."""

    model: Small
    truth: Ints
    """(p,) hypotheses."""
    chances: Small
    """(p, arms) of a yes."""
    classes: Ints
    """(p,) of each instance, rising."""
    offsets: Floats = field(default_factory=lambda: np.zeros(0))
    loss: Floats = field(init=False)
    suffered: Floats = field(init=False)

    def __post_init__(self) -> None:
        """Start with equal losses."""
        number = int(self.classes.max()) + 1
        self.loss, self.suffered = np.full(len(self.truth), 0.5), np.full(number, 0.5)
        if not len(self.offsets):
            self.offsets = np.zeros(number)

    def drawn(self, rng: np.random.Generator, *, even: bool) -> Ints:
        """Draw instances for the groups of an update: (GROUPS,)."""
        if even:
            return rng.integers(len(self.truth), size=GROUPS)
        weight = draw_weights((self.suffered - self.offsets)[None], SHARP_CLASS)[0]
        odds = np.zeros(len(self.truth))
        for k in range(len(weight)):
            own = self.classes == k
            odds[own] = weight[k] * draw_weights(self.loss[own][None], SHARP)[0]
        picked: Ints = rng.choice(len(odds), GROUPS, p=odds / odds.sum())
        return picked

    def note(self, picked: Ints, wrong: Floats) -> None:
        """Move running losses towards those of groups (GROUPS, TWINS)."""
        mean = wrong.mean(axis=1)
        remember(self.loss, picked, mean, FORGET)
        remember(self.suffered, self.classes[picked], mean, FORGET_CLASS / TWINS)


class SoftBinarySearch:
    """Soft binary search, the rule whose losses are the offsets."""

    def choose(self, board: Board) -> Ints:
        """Ask what is expected to tell most."""
        return first_best(np.round(information_gain(board), 5), board.coins)


def question_particles(seed: int) -> list[HypothesisParticles]:
    """Return the training's tables with their objects in nested classes."""
    packs = []
    for own in np.random.SeedSequence(seed, spawn_key=(79,)).spawn(TABLES):
        model = table(np.random.default_rng(own))
        ranked = hardness(model).argsort()
        blocks = [ranked[: round(share * len(model))] for share in SHARES]
        truth = np.concatenate(blocks)
        classes = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
        packs.append(HypothesisParticles(model, truth, model[truth], classes))
    return packs


def threshold_particles(seed: int) -> list[HypothesisParticles]:
    """Return instances of thresholds on the boundaries of the classes."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(80,)))
    number = len(thresholds.CLASSES)
    z, shapes = thresholds.starts(rng, PARTICLES * number)
    classes = np.repeat(np.arange(number), PARTICLES)
    margins = thresholds.on_boundary(z, shapes, thresholds.CLASSES[classes])
    return [HypothesisParticles(thresholds.model(), z, thresholds.truth(z, margins), classes)]


def renew(pack: HypothesisParticles, rng: np.random.Generator) -> None:
    """Replace the easiest half of each class: by changed copies of the worst, or fresh ones."""
    for k, hard in enumerate(thresholds.CLASSES):
        own = np.flatnonzero(pack.classes == k)
        ranked = own[np.argsort(-pack.loss[own])]
        parents, easy = ranked[: PARTICLES // 4], ranked[-PARTICLES // 2 :]
        margins = np.abs(2 * pack.chances[parents].astype(float) - 1)
        z, shapes = thresholds.neighbours(rng, pack.truth[parents], margins)
        more, fresh = thresholds.starts(rng, len(easy) - len(parents))
        z, shapes = np.concatenate([z, more]), np.concatenate([shapes, fresh])
        margins = thresholds.on_boundary(z, shapes, np.full(len(z), hard))
        pack.truth[easy], pack.chances[easy] = z, thresholds.truth(z, margins)
        pack.loss[easy] = pack.loss[own].mean()


def offset(packs: list[HypothesisParticles], policy: Policy, seed: int) -> Floats:
    """Return what a policy loses in each class: the mean over the worst few of it."""
    found = []
    for at, pack in enumerate(packs):
        first, again = np.random.SeedSequence(seed, spawn_key=(81, at)).spawn(2)
        loss = _losses(pack, policy, np.arange(len(pack.truth)), first)
        own = []
        for k in range(len(pack.suffered)):
            block = np.flatnonzero(pack.classes == k)
            worst = block[np.argsort(-loss[block])[:WORST]]
            own.append(_losses(pack, policy, worst, again).mean())
        found.append(own)
    means: Floats = np.mean(found, axis=0)
    return means


def _losses(
    pack: HypothesisParticles, policy: Policy, which: Ints, seed: np.random.SeedSequence
) -> Floats:
    drawn = hypothesis_draws(seed, TRIED, QUERIES, pack.model)
    right = play_instances(policy, pack.model, pack.truth[which], pack.chances[which], drawn).right
    losses: Floats = 1 - right.reshape(len(which), TRIED).mean(axis=1)
    return losses


def fit(
    network: Network, packs: list[HypothesisParticles], updates: int, rate: float, seed: int, *, even: bool,
    tick: Tick,
) -> None:  # fmt: skip
    """Train in place on packs in turn: against the worst, or evenly."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(82,)))

    def update(step: int) -> None:
        pack, policy = packs[step % len(packs)], Sampler(network)
        picked = pack.drawn(rng, even=even)
        twins, rows = np.repeat(picked, TWINS), np.arange(GROUPS * TWINS)
        own = np.random.SeedSequence(int(rng.integers(2**62)))
        drawn = hypothesis_draws(own, GROUPS * TWINS, QUERIES, pack.model)
        played = run(
            policy, pack.model, pack.truth[twins], pack.chances[twins], drawn, rows // TWINS, rows
        )
        wrong = np.where(played.right, 0.0, 1.0).reshape(GROUPS, TWINS)
        others = (wrong.sum(axis=1, keepdims=True) - wrong) / (TWINS - 1)
        policy.learn(network, (wrong - others).ravel(), ENTROPY * (1 - step / updates))
        pack.note(picked, wrong)
        if len(packs) == 1 and not even and (step + 1) % RENEW_EVERY == 0:
            renew(pack, rng)

    reinforce(network, update, updates, rate, AVERAGE, tick)


def train_policies(
    problem: str, seed: int, updates: int, rate: float, tick: Tick
) -> tuple[dict[str, Network], Floats]:
    """Train both policies of one seed from the same start; return them by name, and the offsets."""
    packs = question_particles(seed) if problem == "questions" else threshold_particles(seed)
    offsets = offset(packs, SoftBinarySearch(), seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        prior = Network()
    found = {"robust": deepcopy(prior), "prior": prior}
    for pack in packs:
        pack.offsets = offsets
    fit(found["robust"], packs, updates, rate, seed, even=False, tick=tick)
    fit(prior, even_particles(problem, seed), updates, rate, seed + 1000, even=True, tick=tick)
    return found, offsets


def even_particles(problem: str, seed: int) -> list[HypothesisParticles]:
    """Return the instances of the average case: all objects alike, or thresholds of any margins."""
    if problem == "questions":
        return [
            HypothesisParticles(
                pack.model, np.arange(len(pack.model)), pack.model, np.zeros(len(pack.model), int)
            )
            for pack in question_particles(seed)
        ]
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(83,)))
    number = 100 * (thresholds.POSITIONS + 1)
    z = np.arange(number) % (thresholds.POSITIONS + 1)
    margins = rng.uniform(0.1, thresholds.MOST, (number, thresholds.POSITIONS))
    return [
        HypothesisParticles(
            thresholds.model(), z, thresholds.truth(z, margins), np.zeros(number, int)
        )
    ]
