"""The worst case of a policy within a class: a search for instances with C(theta) = r.

Loss is the chance of naming a wrong arm, and the class is {theta: C(theta) <= r}. Scaling the gaps
down makes an instance harder, so the search stays on the boundary C = r. From `STARTS` fresh
starts (ten shapes, the rest random) it takes `ROUNDS` steps: a third follow the likelihood-ratio
gradient of the loss in the gaps, E[(wrong - mean)(answers - counts * means)], the rest are random
changes; what is better replaces its parent. The best few are played again on other episodes, and
the worst of them is what the *final* episodes, unseen so far, are played on.

Nothing here is shared with training: other starts, other episodes, other seeds. A test hides an
instance at which a policy fails and looks whether this finds it.
"""

from dataclasses import dataclass

import numpy as np

from adabench.workloads.algorithms.active_search.substrate.bandits import (
    ARMS,
    Draws,
    Floats,
    Policy,
    draws,
    play,
)
from adabench.workloads.algorithms.active_search.substrate.complexity import on_boundary

STARTS, ROUNDS, KEPT = 24, 4, 4
EPISODES, AGAIN = 96, 2048
"""Of each instance in a round, and of each finalist."""
STEP = 0.35
"""Size of a change, in logarithms of gaps."""


@dataclass(frozen=True)
class Worst:
    """The hardest instance that was found for a policy."""

    gaps: Floats
    """(arms - 1,)"""
    answers: int
    """Queries that the search spent."""


def shapes() -> Floats:
    """Return ten shapes of gaps, up to scale: (10, arms - 1)."""
    others = ARMS - 1
    rows = [np.ones(others), np.linspace(1, 3, others), np.geomspace(1, 10, others)]
    for near, far in ((1, 5), (2, 5), (3, 5), (4, 5), (6, 5), (1, 2), (4, 2)):
        rows += [np.where(np.arange(others) < near, 1.0, float(far))]
    return np.array(rows)


def starts(rng: np.random.Generator, number: int) -> Floats:
    """Return that many starts, up to scale; the first ten are the shapes."""
    spread = rng.uniform(0.05, 1.5, (number, 1))
    drawn = np.exp(spread * rng.standard_normal((number, ARMS - 1)))
    fixed = shapes()[:number]
    drawn[: len(fixed)] = fixed
    return np.clip(drawn, drawn.min(axis=1, keepdims=True), 30 * drawn.min(axis=1, keepdims=True))


def losses(policy: Policy, gaps: Floats, drawn: Draws) -> tuple[Floats, Floats, int]:
    """Return the loss of each instance (p,), its gradient in the gaps, and the queries spent."""
    played = play(policy, gaps, drawn)
    wrong = 1.0 - played.right.reshape(len(gaps), -1)
    pull = played.pull.reshape(len(gaps), -1, ARMS)[:, :, 1:]
    mean = wrong.mean(axis=1)
    # Gaps are negative means.
    gradient = -((wrong - mean[:, None])[:, :, None] * pull).mean(axis=1)
    return mean, gradient, played.answers


def search(
    policy: Policy, hard: float, seed: np.random.SeedSequence, queries: int, scale: float = 1.0
) -> Worst:
    """Return the worst instance with C = `hard` that was found; `scale` thins the episodes."""
    own, first, second = seed.spawn(3)
    rng = np.random.default_rng(own)
    rounds = draws(first, max(8, int(EPISODES * scale)), queries)
    pool = on_boundary(starts(rng, STARTS), hard)
    loss, gradient, answers = losses(policy, pool, rounds)
    for _ in range(ROUNDS):
        tried = on_boundary(_changed(rng, pool, gradient), hard)
        its_loss, its_gradient, spent = losses(policy, tried, rounds)
        better = its_loss > loss
        pool = np.where(better[:, None], tried, pool)
        gradient = np.where(better[:, None], its_gradient, gradient)
        loss = np.where(better, its_loss, loss)
        answers += spent
    last = pool[np.argsort(-loss, kind="stable")[:KEPT]]
    # The instance of the lower bound is always among the finalists.
    last = np.concatenate([last, on_boundary(shapes()[:1], hard)])
    again = draws(second, max(16, int(AGAIN * scale)), queries)
    final, _, spent = losses(policy, last, again)
    return Worst(last[int(final.argmax())], answers + spent)


def _changed(rng: np.random.Generator, pool: Floats, gradient: Floats) -> Floats:
    """Change each instance: along its gradient, in one gap, or in all."""
    size = np.linalg.norm(gradient * pool, axis=1, keepdims=True)
    along = gradient * pool / np.maximum(size, 1e-12)
    noise = rng.standard_normal(pool.shape)
    one = noise * 2 * (rng.random(pool.shape) < 0.2)
    kind = np.arange(len(pool))[:, None] % 3
    change = np.select([kind == 0, kind == 1], [2 * along + 0.3 * noise, noise], one)
    changed: Floats = np.clip(pool * np.exp(STEP * change), 1e-3, 1e3)
    return changed
