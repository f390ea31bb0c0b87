"""Policies are trained by REINFORCE against particles that climb the loss.

    specialist of class k    min over policies of max over particles in class k of loss
    robust policy            min over policies of max over (k, particle) of loss - L(k)
    prior-trained policy     min over policies of the mean loss under a prior

A particle is an instance on the boundary C(theta) = r. A softmax over running losses draws its class, and
another one the particle; drawn ones step up the likelihood-ratio gradient of their loss. The policy's gradient
has a baseline by particle: `TWINS` episodes share instance and noise and differ in the policy's draws alone.
The offset L(k) is what its specialist lost against its own particles in the last quarter of its training, by a
policy that draws, as the robust policy's losses are. A minimax game goes round in circles: a running mean of
the weights is returned.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import torch

from adabench.workloads.algorithms.active_search.substrate.bandit_families import PRIOR_SD
from adabench.workloads.algorithms.active_search.substrate.bandits import (
    ARMS,
    Floats,
    Ints,
    draws,
    play,
)
from adabench.workloads.algorithms.active_search.substrate.compiled_network import (
    gradient,
    nothing,
    play_softmax,
)
from adabench.workloads.algorithms.active_search.substrate.complexity import on_boundary
from adabench.workloads.algorithms.active_search.substrate.policy_network import (
    Network,
    NetworkPolicy,
)
from adabench.workloads.algorithms.active_search.substrate.worst_case_bandit import search, starts
from adabench.workloads.shared.training.trainer import RunningMean, Trainer

QUERIES = 20
PARTICLES = 48
"""In a class."""
GROUPS, TWINS = 128, 4
"""512 episodes an update."""
SHARP_CLASS, SHARP = 0.01, 0.05
"""Of the softmax over losses, of classes and of particles in one."""
FORGET_CLASS, FORGET = 0.0008, 0.05
"""Weight of a new loss in the running mean of a class and of a particle, by draw."""
FLOOR = 0.2
"""Share of draws that is even."""
CLIMB = 0.08
"""Size of a particle's step, in logarithms of gaps."""
REFRESH_EVERY = 40
ENTROPY = 0.01
CLIP = 1.0
AVERAGE = 0.995
"""Of the running mean of the weights, which is what a training returns."""
HELD_OUT = 20_000
"""Episodes by which a loss on a checkpoint's card is measured."""

Tick = Callable[[], None]


@dataclass
class Particles:
    """The particles of some classes, how each does, and how often each is drawn."""

    classes: Floats
    """(k,) C of each class."""
    offsets: Floats
    """(k,) loss that its specialist suffers."""
    rng: np.random.Generator
    gaps: Floats = field(init=False)
    """(p, arms - 1), class by class"""
    loss: Floats = field(init=False)
    """(p,) running mean."""
    suffered: Floats = field(init=False)
    """(k,) running mean over what was drawn of a class."""
    history: list[float] = field(default_factory=list)
    """Mean loss of each update."""

    def __post_init__(self) -> None:
        """Start all of them afresh."""
        number = PARTICLES * len(self.classes)
        self.gaps = on_boundary(
            np.concatenate([starts(self.rng, PARTICLES) for _ in self.classes]), self.hard
        )
        self.suffered = self.offsets + 0.1
        self.loss = self.suffered[np.arange(number) // PARTICLES]

    @property
    def hard(self) -> Floats:
        """C of each particle: (p,)."""
        return np.repeat(self.classes, PARTICLES)

    def drawn(self) -> Ints:
        """Draw particles for the groups of one update, the worst most often: (GROUPS,)."""
        classes = draw_weights((self.suffered - self.offsets)[None], SHARP_CLASS)[0]
        own = draw_weights(self.loss.reshape(-1, PARTICLES), SHARP)
        picked: Ints = self.rng.choice(len(self.loss), GROUPS, p=(classes[:, None] * own).ravel())
        return picked

    def climb(self, picked: Ints, wrong: Floats, pull: Floats) -> None:
        """Note the losses of groups (GROUPS, TWINS) and step up: pull (GROUPS, TWINS, arms)."""
        mean = wrong.mean(axis=1)
        surprise = mean - self.loss[picked]
        by_noise = np.zeros_like(self.gaps)
        np.add.at(by_noise, picked, surprise[:, None] * pull[:, :, 1:].mean(axis=1))
        step = -by_noise * self.gaps
        size = np.linalg.norm(step, axis=1, keepdims=True)
        changed = self.gaps * np.exp(CLIMB * step / np.maximum(size, 1e-12))
        own = np.unique(picked)
        self.gaps[own] = on_boundary(np.clip(changed[own], 1e-3, 1e3), self.hard[own])
        remember(self.loss, picked, mean, FORGET)
        remember(self.suffered, picked // PARTICLES, mean, FORGET_CLASS)
        self.history.append(float(mean.mean()))

    def refresh(self) -> None:
        """Replace the easiest quarter of each class."""
        for at in range(0, len(self.loss), PARTICLES):
            own = np.arange(at, at + PARTICLES)
            easy = own[np.argsort(self.loss[own])[: PARTICLES // 4]]
            fresh = starts(self.rng, PARTICLES // 4 + 10)[10:]
            self.gaps[easy] = on_boundary(fresh, self.hard[easy])
            self.loss[easy] = self.loss[own].mean()


def draw_weights(losses: Floats, sharp: float) -> Floats:
    """Return, row by row, a softmax over losses with an even floor."""
    weight = np.exp((losses - losses.max(axis=1, keepdims=True)) / sharp)
    even: Floats = FLOOR / losses.shape[1] + (1 - FLOOR) * weight / weight.sum(
        axis=1, keepdims=True
    )
    return even


def remember(means: Floats, which: Ints, values: Floats, forget: float) -> None:
    """Move running means towards new values; several of one count as several steps."""
    number = np.bincount(which, minlength=len(means))
    fresh = np.bincount(which, values, minlength=len(means)) / np.maximum(number, 1)
    means += (1 - (1 - forget) ** number) * (fresh - means)


def reinforce(
    network: Network,
    update: Callable[[int], None],
    updates: int,
    rate: float,
    average: float,
    tick: Tick,
) -> None:
    """Train in place by Adam at a rate that falls in the last half; the weights become their mean.

    `update` leaves the gradient of an update, counted from 0, at the network's weights; of the mean a new
    update changes the share 1 - `average`.
    """

    def falling(peak: float, step: int) -> float:
        return peak * min(1.0, 2 * (1 - step / updates) + 0.05)

    def loss(step: int) -> tuple[()]:
        update(step)
        return ()

    trainer = Trainer(torch.optim.Adam(network.parameters(), lr=rate), schedule=falling, clip=CLIP)
    mean = RunningMean(network, average)
    mean.update()
    for _ in trainer.follow(loss, updates):
        mean.update()
        tick()
    network.load_state_dict(mean.weights)


def fit(
    network: Network, source: Particles | None, updates: int, rate: float, seed: int, tick: Tick
) -> None:
    """Train in place against a herd, or under the prior if there is none."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(77, updates)))

    def update(step: int) -> None:
        picked = source.drawn() if source else np.zeros(0, np.int64)
        gaps = source.gaps[picked] if source else prior_gaps(rng, GROUPS)
        wrong, pull = _learn(network, gaps, rng, ENTROPY * (1 - step / updates))
        if source:
            source.climb(picked, wrong, pull)
            if (step + 1) % REFRESH_EVERY == 0:
                source.refresh()

    reinforce(network, update, updates, rate, AVERAGE, tick)


def _learn(
    network: Network, gaps: Floats, rng: np.random.Generator, entropy: float
) -> tuple[Floats, Floats]:
    """Leave an update's gradient at the network's weights.

    Return who was wrong (GROUPS, TWINS) and the scores (GROUPS, TWINS, arms).
    """
    b, weights = GROUPS * TWINS, network.weights()
    means = np.concatenate([np.zeros((GROUPS, 1)), -gaps], axis=1)
    noise, coins = rng.standard_normal((GROUPS, ARMS, QUERIES)), rng.random((b, QUERIES))
    did, counts, sums = (
        np.empty((b, QUERIES), np.int64),
        np.zeros((b, ARMS), np.int64),
        np.zeros((b, ARMS)),
    )
    play_softmax(means, noise, coins, weights, did, counts, sums)
    # The network numbers no arms, so there is no need to shuffle them; answers have no ties.
    said = np.where(counts > 0, sums / np.maximum(counts, 1), -np.inf).argmax(axis=1)
    wrong = np.where(said == 0, 0.0, 1.0).reshape(GROUPS, TWINS)
    others = (wrong.sum(axis=1, keepdims=True) - wrong) / (TWINS - 1)
    slope = nothing(weights)
    busy = max(1, int((wrong != others).sum()))
    gradient(
        means, noise, did, (wrong - others).ravel() / b, entropy / (busy * QUERIES), weights, slope
    )
    network.learn(slope)
    pull = sums.reshape(GROUPS, TWINS, ARMS) - counts.reshape(GROUPS, TWINS, ARMS) * means[:, None]
    return wrong, pull


def prior_gaps(rng: np.random.Generator, number: int) -> Floats:
    """Draw means from the prior and return how far each is behind the best: (number, arms - 1)."""
    means = np.sort(PRIOR_SD * rng.standard_normal((number, ARMS)), axis=1)
    return means[:, -1:] - means[:, -2::-1]


def measure_loss(network: Network, hard: float, seed: int, queries: int = QUERIES) -> float:
    """Return the loss of a policy at the worst instance of a class: fresh starts and episodes."""
    own = np.random.SeedSequence(seed, spawn_key=(78, int(1000 * hard)))
    at, last = own.spawn(2)
    policy = NetworkPolicy(network)
    worst = search(policy, hard, at, queries)
    final = play(policy, worst.gaps[None], draws(last, HELD_OUT, queries))
    return 1.0 - float(final.right.mean())


def train_policies(
    classes: Floats, seed: int, shared: int, own: int, rate: float, tick: Tick
) -> tuple[dict[str, Network], Floats]:
    """Train all policies of one seed; return them by name, and the offsets L (k,).

    `shared` updates on the middle class make the common start, then each gets `own` more. The
    prior-trained policy has as many in all, every one of them under the prior.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(76,)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first = Network()
    prior = deepcopy(first)
    zero, offsets = np.zeros(1), np.zeros(len(classes))
    fit(first, Particles(classes[[len(classes) // 2]], zero, rng), shared, rate, seed, tick)
    found: dict[str, Network] = {}
    for k in range(len(classes)):
        found[f"specialist-{k}"] = specialist = deepcopy(first)
        crowd = Particles(classes[[k]], zero, rng)
        fit(specialist, crowd, own, rate, seed + 100 * (k + 1), tick)
        offsets[k] = np.mean(crowd.history[-max(1, own // 4) :])
    found["robust"] = robust = deepcopy(first)
    fit(robust, Particles(classes, offsets, rng), own, rate, seed + 1000, tick)
    found["prior"] = prior
    fit(prior, None, shared + own, rate, seed + 2000, tick)
    return found, offsets
