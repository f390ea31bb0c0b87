"""How the policies are trained: REINFORCE against particles that climb the loss.

    specialist of class k    min over policies of max over particles in class k of loss
    robust policy            min over policies of max over (k, particle) of loss - L(k)
    prior-trained policy     min over policies of the mean loss under a prior

A particle is an instance on the boundary C(theta) = r. Its running loss, less its class's offset,
gives by a softmax how often it is drawn. Drawn particles take a step up the likelihood-ratio
gradient of their loss and are scaled back onto the boundary; now and then the easiest quarter is
replaced by fresh ones.

The gradient of the policy has a baseline by particle: `TWINS` episodes share instance and noise
and differ in the policy's draws alone, and each is compared with the mean of the others. All
policies, specialists and the robust one, get the same number of updates from the same common
start. The offsets L(k) are measured on the trained specialists by the adversary search with
fresh starts. A minimax game goes round in circles; what is kept is a running mean of the weights.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import torch

from adabench.workloads.active_search.adversary import search, starts
from adabench.workloads.active_search.bandit import ARMS, Draws, Floats, Ints, draws, play, run
from adabench.workloads.active_search.difficulty import on_boundary
from adabench.workloads.active_search.families import PRIOR_SD
from adabench.workloads.active_search.network import Learned, Network, Sampled

QUERIES = 20
PARTICLES = 48
"""In a class."""
GROUPS, TWINS = 32, 8
SHARP = 0.04
"""Of the softmax over losses."""
FORGET = 0.1
"""Weight of a new loss in the running mean of a particle."""
CLIMB = 0.08
"""Size of a particle's step, in logarithms of gaps."""
REFRESH_EVERY = 20
ENTROPY = 0.02
CLIP = 1.0
AVERAGE = 0.96
"""Of the running mean of the weights, which is what a training returns."""

Tick = Callable[[], None]


@dataclass
class Herd:
    """The particles of some classes, how each does, and how often each is drawn."""

    hard: Floats
    """(p,) C of each."""
    offset: Floats
    """(p,) loss that its class's specialist suffers."""
    rng: np.random.Generator
    gaps: Floats = field(init=False)
    """(p, arms - 1)"""
    loss: Floats = field(init=False)
    """(p,) running mean."""

    def __post_init__(self) -> None:
        """Start all of them afresh."""
        self.gaps = np.concatenate([self._fresh(r, PARTICLES) for r in self.hard[::PARTICLES]])
        self.loss = np.full(len(self.hard), 1.0) * self.offset + 0.1

    def _fresh(self, hard: float, number: int) -> Floats:
        return on_boundary(starts(self.rng, number), hard)

    def drawn(self) -> Ints:
        """Draw particles for the groups of one update, the worst most often: (GROUPS,)."""
        excess = self.loss - self.offset
        weight = np.exp((excess - excess.max()) / SHARP)
        weight = 0.8 * weight / weight.sum() + 0.2 / len(weight)
        picked: Ints = self.rng.choice(len(weight), GROUPS, p=weight)
        return picked

    def climb(self, picked: Ints, wrong: Floats, pull: Floats) -> None:
        """Note the losses of groups (GROUPS, TWINS) and step up: pull (GROUPS, TWINS, arms)."""
        for group, particle in enumerate(picked):
            mean = wrong[group].mean()
            self.loss[particle] += FORGET * (mean - self.loss[particle])
            by_noise = (mean - self.loss[particle]) * pull[group, :, 1:].mean(axis=0)
            step = -by_noise * self.gaps[particle]
            size = np.linalg.norm(step)
            if size > 0:
                self.gaps[particle] *= np.exp(CLIMB * step / size)
        self.gaps = np.clip(self.gaps, 1e-3, 1e3)
        changed = np.unique(picked)
        for hard in np.unique(self.hard[changed]):
            own = changed[self.hard[changed] == hard]
            self.gaps[own] = on_boundary(self.gaps[own], hard)

    def refresh(self) -> None:
        """Replace the easiest quarter of each class."""
        for at in range(0, len(self.hard), PARTICLES):
            own = np.arange(at, at + PARTICLES)
            easy = own[np.argsort(self.loss[own])[: PARTICLES // 4]]
            number = PARTICLES // 4
            fresh = starts(self.rng, number + 10)[10:]
            self.gaps[easy] = on_boundary(fresh, float(self.hard[at]))
            self.loss[easy] = self.loss[own].mean()


def herd(classes: Floats, offsets: Floats, rng: np.random.Generator) -> Herd:
    """Return particles for these classes with their offsets: both (k,)."""
    return Herd(np.repeat(classes, PARTICLES), np.repeat(offsets, PARTICLES), rng)


def fit(
    network: Network, source: Herd | None, updates: int, rate: float, seed: int, tick: Tick
) -> None:
    """Train in place against a herd, or under the prior if there is none."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(77, updates)))
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    averaged = deepcopy(network.state_dict())
    for update in range(updates):
        progress = update / updates
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, 2 * (1 - progress) + 0.05)
        picked = source.drawn() if source else np.zeros(0, np.int64)
        gaps = source.gaps[picked] if source else prior_gaps(rng, GROUPS)
        drawn = twin_draws(rng)
        means = np.concatenate([np.zeros((GROUPS, 1)), -gaps], axis=1)
        order = drawn.orders
        hidden = np.take_along_axis(np.repeat(means, TWINS, axis=0), order, axis=1)
        policy = Sampled(network)
        played = run(policy, hidden, order, drawn, np.arange(GROUPS * TWINS), QUERIES)
        wrong = np.where(played.right, 0.0, 1.0).reshape(GROUPS, TWINS)
        others = (wrong.sum(axis=1, keepdims=True) - wrong) / (TWINS - 1)
        _step(network, optimiser, policy, (wrong - others).ravel(), ENTROPY * (1 - progress))
        if source:
            source.climb(picked, wrong, played.pull.reshape(GROUPS, TWINS, ARMS))
            if (update + 1) % REFRESH_EVERY == 0:
                source.refresh()
        for name, value in network.state_dict().items():
            averaged[name].lerp_(value, 1 - AVERAGE)
        tick()
    network.load_state_dict(averaged)


def _step(
    network: Network,
    optimiser: torch.optim.Optimizer,
    policy: Sampled,
    worse: Floats,
    entropy: float,
) -> None:
    seen = torch.from_numpy(np.stack(policy.seen))
    did = torch.from_numpy(np.stack(policy.did))
    scores = torch.log_softmax(network(seen), dim=2)
    chosen = scores.gather(2, did[:, :, None])[:, :, 0].sum(dim=0)
    cost = (torch.from_numpy(worse).float() * chosen).mean()
    spread = -(scores.exp() * scores).sum(dim=2).mean()
    optimiser.zero_grad()
    torch.autograd.backward(cost - entropy * spread)
    torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
    optimiser.step()


def twin_draws(rng: np.random.Generator) -> Draws:
    """Return the random part of GROUPS x TWINS episodes; twins share order and noise."""
    orders = np.repeat(rng.random((GROUPS, ARMS)).argsort(axis=1), TWINS, axis=0)
    noise = rng.standard_normal((GROUPS, ARMS, QUERIES))
    coins = rng.random((QUERIES + 1, GROUPS * TWINS, ARMS))
    return Draws(np.repeat(noise, TWINS, axis=0), orders, coins)


def prior_gaps(rng: np.random.Generator, number: int) -> Floats:
    """Draw means from the prior and return how far each is behind the best: (number, arms - 1)."""
    means = np.sort(PRIOR_SD * rng.standard_normal((number, ARMS)), axis=1)
    return means[:, -1:] - means[:, -2::-1]


def measured(network: Network, hard: float, seed: int, queries: int = QUERIES) -> float:
    """Return the loss of a policy at the worst instance of a class: fresh starts and episodes."""
    own = np.random.SeedSequence(seed, spawn_key=(78, int(1000 * hard)))
    at, last = own.spawn(2)
    policy = Learned(network)
    worst = search(policy, hard, at, queries)
    final = play(policy, worst.gaps[None], draws(last, 2048, queries))
    return 1.0 - float(final.right.mean())


def school(
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
    zero = np.zeros(1)
    fit(first, herd(classes[[len(classes) // 2]], zero, rng), shared, rate, seed, tick)
    found: dict[str, Network] = {}
    for k in range(len(classes)):
        found[f"specialist-{k}"] = specialist = deepcopy(first)
        fit(specialist, herd(classes[[k]], zero, rng), own, rate, seed + 100 * (k + 1), tick)
    offsets = np.array([
        measured(found[f"specialist-{k}"], float(hard), seed) for k, hard in enumerate(classes)
    ])  # fmt: skip
    found["robust"] = robust = deepcopy(first)
    fit(robust, herd(classes, offsets, rng), own, rate, seed + 1000, tick)
    found["prior"] = prior
    fit(prior, None, shared + own, rate, seed + 2000, tick)
    return found, offsets
