"""Soft generalised binary search: ask the arm that best halves the posterior mass of hypotheses.

A hypothesis is "arm i is the best". Under a flat prior and the right noise the posterior of a mean
is Gaussian around the observed mean with variance 1 / n, and the mass of hypothesis i is the
chance that its draw is the largest. A query of arm i splits the hypotheses into i and the rest, so
the arm whose mass is nearest to a half is asked, ties at random. Every arm is asked once first.

The masses are estimated with `DRAWS` draws that are fixed, the same at every query.

In hunts it asks what is expected to tell most of the hypothesis in nats, with the right noise;
where all answers are equally noisy that is the query that best halves the mass.

**What to expect.** Close to uncertainty sampling, but it weighs all rivals at once.

**Ways to fake it.** The wrong noise model; too few draws.
"""

import numpy as np

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Case
from adabench.workloads.algorithms.active_search.substrate.bandits import (
    ARMS,
    Board,
    Floats,
    Ints,
    first_best,
    means_of,
)
from adabench.workloads.algorithms.active_search.substrate.hypothesis_search import information_gain
from adabench.workloads.algorithms.active_search.substrate.replay import ActiveSearch, Answer
from adabench.workloads.shared.compiled.kernels import compiled

CARD = Card(
    title="Soft generalised binary search",
    paper="Nowak, The geometry of generalized binary search, arXiv 0910.4397, 2009",
    adapts="the next arm: that whose chance to be best is nearest to a half",
    fidelity="special-case",
)
DRAWS = 32
NORMAL: Floats = np.random.default_rng(19).standard_normal((DRAWS // 2, ARMS))
PAIRED: Floats = np.concatenate([NORMAL, -NORMAL])
"""(DRAWS, arms), antithetic."""


@compiled
def masses(counts: Ints, means: Floats, normals: Floats) -> Floats:
    """Return the chance of each arm to be best: (b, arms); normals (draws, arms)."""
    b, arms = counts.shape
    found = np.zeros((b, arms))
    for row in range(b):
        width = 1 / np.sqrt(np.maximum(counts[row], 1))
        for draw in range(len(normals)):
            best, most = 0, -np.inf
            for arm in range(arms):
                value = means[row, arm] + normals[draw, arm] * width[arm]
                if value > most:
                    best, most = arm, value
            found[row, best] += 1 / len(normals)
    return found


class SoftSearch:
    """Asks the arm whose mass is nearest to a half."""

    def choose(self, board: Board) -> Ints:
        """Ask unasked arms first; of hunts, what is expected to tell most."""
        if board.belief is not None:
            return first_best(np.round(information_gain(board), 5), board.coins)
        unasked = board.counts == 0
        means = np.where(unasked, 0.0, means_of(board.counts, board.sums))
        near = -np.abs(masses(board.counts, means, PAIRED) - 0.5)
        return first_best(np.where(unasked, 1.0, near), board.coins)


def solve(task: ActiveSearch, case: Case, point: Point) -> Answer:
    """Play the case."""
    return task.play(case, SoftSearch())
