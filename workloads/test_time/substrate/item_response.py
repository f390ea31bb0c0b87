"""A two-parameter response model: how probably each configuration answers a question rightly.

    P(right) = sigmoid(a_j (theta_i - b_j))      a_j = softplus(w_a . e_j + 1/2)      b_j = w_b . e_j

theta_i is the ability of configuration i, b_j the difficulty of question j and a_j how sharply it tells
abilities apart; both are linear in a frozen embedding e_j of the prompt, standardised over calibration
questions, with a one for the intercept. Everything is fitted jointly to the mean binary cross-entropy,
by AdamW on all responses at once. Abilities are standardised afterwards (mean 0, deviation 1) and b and a
are rescaled with them, so that no probability changes; a is positive by its form.

**A configuration that is added later** gets its ability alone, by maximum likelihood over the few
questions that it was asked. Adaptive testing asks next the question of the largest Fisher information
a^2 s (1 - s) at the ability so far.

The paper leaves the optimiser, the embedding and the identifiability open; these are ours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATE, DECAY, STEPS = 0.03, 0.05, 400
BETAS, TINY = (0.9, 0.999), 1e-8
SHIFT = 0.5
"""Before the softplus: discriminations begin near one."""
FARTHEST = 4.0
"""Abilities in deviations: where all answers are right, likelihood knows no end."""
NEWTON = 30


@dataclass(frozen=True)
class ResponseModel:
    """A fitted model."""

    centre: Floats
    """[D], of calibration embeddings."""
    spread: Floats
    """[D]"""
    discriminations: Floats
    """w_a [D + 1]"""
    difficulties: Floats
    """w_b [D + 1]"""
    abilities: Floats
    """theta [configurations], standardised."""
    shift: float
    scale: float
    """By which abilities were standardised."""

    def items(self, states: Floats) -> tuple[Floats, Floats]:
        """Return a and b [n] of questions by their embeddings [n, D]."""
        rows = with_ones((np.asarray(states, np.float64) - self.centre) / self.spread)
        sharpness = softplus(rows @ self.discriminations + SHIFT)
        return sharpness * self.scale, (rows @ self.difficulties - self.shift) / self.scale

    def chances(self, states: Floats) -> Floats:
        """Return the probability of a right answer [n, configurations]."""
        return response(*self.items(states), self.abilities)

    def with_ability(self, place: int, ability: float) -> "ResponseModel":
        """Return the model with one configuration more, at a place of the list."""
        return replace(self, abilities=np.insert(self.abilities, place, ability))


def fit(states: Floats, right: Floats, steps: int = STEPS) -> ResponseModel:
    """Fit a model to responses [n, configurations] to questions with embeddings [n, D]."""
    centre, spread = moments(states)
    rows = with_ones((states - centre) / spread)
    width, count = rows.shape[1], right.shape[1]
    means = np.clip(right.mean(axis=0), 0.01, 0.99)
    start = np.concatenate((np.zeros(2 * width), np.log(means / (1.0 - means))))
    found = descend(start, lambda point: _slope(point, rows, right), steps)
    theta = found[2 * width :]
    scale = float(theta.std()) if count > 1 and theta.std() > TINY else 1.0
    shift = float(theta.mean()) if count > 1 else 0.0
    return ResponseModel(
        centre, spread, found[:width], found[width : 2 * width],
        (theta - shift) / scale, shift, scale,
    )  # fmt: skip


def moments(states: Floats) -> tuple[Floats, Floats]:
    """Return mean and deviation [D] of embeddings [n, D]; 1 where they do not deviate."""
    centre, spread = states.mean(axis=0, dtype=np.float64), states.std(axis=0, dtype=np.float64)
    return centre, np.where(spread > TINY, spread, 1.0)


def response(sharpness: Floats, difficulty: Floats, abilities: Floats) -> Floats:
    """Return P(right) [n, configurations]."""
    return sigmoid(sharpness[:, None] * (abilities[None, :] - difficulty[:, None]))


def ability(sharpness: Floats, difficulty: Floats, right: Floats) -> float:
    """Return the ability under which answers to these questions are the likeliest."""
    theta = 0.0
    for _ in range(NEWTON):
        chance = sigmoid(sharpness * (theta - difficulty))
        curve = float((sharpness**2 * chance * (1.0 - chance)).sum())
        step = float((sharpness * (right - chance)).sum()) / max(curve, TINY)
        before, theta = theta, min(max(theta + min(max(step, -1.0), 1.0), -FARTHEST), FARTHEST)
        if abs(theta - before) < TINY:
            break
    return theta


def most_informative(
    sharpness: Floats, difficulty: Floats, theta: float, asked: Sequence[int]
) -> int:
    """Return the question, of those not asked yet, of the largest Fisher information."""
    chance = sigmoid(sharpness * (theta - difficulty))
    information = sharpness**2 * chance * (1.0 - chance)
    information[list(asked)] = -1.0
    return int(np.argmax(information))


def examine(
    items: tuple[Floats, Floats],
    ask: Callable[[int], float],
    count: int,
    order: Sequence[int] | None = None,
) -> float:
    """Ask so many questions and return the ability; in an `order`, or else the most informative next."""
    sharpness, difficulty = items
    asked: list[int] = []
    right: list[float] = []
    theta = 0.0
    while len(asked) < count:
        following = (
            most_informative(sharpness, difficulty, theta, asked)
            if order is None
            else order[len(asked)]
        )
        asked.append(following)
        right.append(ask(following))
        if order is None or len(asked) == count:
            theta = ability(sharpness[asked], difficulty[asked], np.array(right))
    return theta


def with_ones(rows: Floats) -> Floats:
    """Return rows [n, D + 1] with a one at the end of each."""
    return np.hstack((rows, np.ones((len(rows), 1))))


def sigmoid(values: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * values)), np.float64)


def softplus(values: Floats) -> Floats:
    """Return log(1 + exp(x)), without overflow."""
    return np.asarray(np.logaddexp(0.0, values), np.float64)


def _slope(point: Floats, rows: Floats, right: Floats) -> Floats:
    """Return the gradient of the mean cross-entropy at (w_a, w_b, theta)."""
    width = rows.shape[1]
    heights = rows @ point[:width] + SHIFT
    sharpness, gaps = (
        softplus(heights),
        point[None, 2 * width :] - (rows @ point[width : 2 * width])[:, None],
    )
    errors = (sigmoid(sharpness[:, None] * gaps) - right) / right.size
    by_sharpness = (errors * gaps).sum(axis=1) * sigmoid(heights)
    by_ability = errors * sharpness[:, None]
    return np.concatenate(
        (rows.T @ by_sharpness, -rows.T @ by_ability.sum(axis=1), by_ability.sum(axis=0))
    )


def descend(point: Floats, slope: Callable[[Floats], Floats], steps: int) -> Floats:
    """Follow AdamW from a point; decay is apart from the gradient."""
    first, second = np.zeros_like(point), np.zeros_like(point)
    for step in range(1, steps + 1):
        gradient = slope(point)
        first = BETAS[0] * first + (1.0 - BETAS[0]) * gradient
        second = BETAS[1] * second + (1.0 - BETAS[1]) * gradient**2
        upward = first / (1.0 - BETAS[0] ** step)
        size = np.sqrt(second / (1.0 - BETAS[1] ** step)) + TINY
        point = point * (1.0 - RATE * DECAY) - RATE * upward / size
    return point
