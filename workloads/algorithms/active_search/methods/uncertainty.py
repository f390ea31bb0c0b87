"""Uncertainty sampling: ask where the answer to "which of the two is better?" is least certain.

Every arm is asked once. Then, with leader l and for every other arm i

    z_i = (mean_l - mean_i) / sqrt(1 / n_l + 1 / n_i),

the arm with the smallest z is the one that the model is least sure to be worse; of the two the
one asked less is asked again. Ties at random.

In hunts it asks the query whose answer is least certain under the posterior, whatever that would
tell.

**What to expect.** Strong where few arms are close. It never goes back to an arm whose first
answer was bad by misfortune, so many equal rivals should hurt it.

**Ways to fake it.** Ties by the number of the arm; the wrong noise in z.
"""

import numpy as np

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Case
from adabench.workloads.algorithms.active_search.substrate.bandits import (
    Board,
    Floats,
    Ints,
    Small,
    first_best,
)
from adabench.workloads.algorithms.active_search.substrate.replay import ActiveSearch, Answer
from adabench.workloads.shared.compiled.kernels import compiled

CARD = Card(
    title="Uncertainty sampling",
    paper="Lewis and Gale, A sequential algorithm for training text classifiers, 1994",
    adapts="the next arm: that of the least certain comparison with the leader",
    fidelity="special-case",
)


class Uncertainty:
    """Asks the less known of the leader and its nearest rival."""

    def choose(self, board: Board) -> Ints:
        """Ask unasked arms first, then as the equation says; of hunts, what is least certain."""
        if board.chances is not None and board.belief is not None:
            far = np.abs(board.belief @ board.chances - 0.5)
            return first_best(-np.round(far, 5), board.coins)
        return next_arms(board.counts, board.sums, board.coins)


@compiled
def next_arms(counts: Ints, sums: Floats, coins: Small) -> Ints:
    """Return the arm of each of b episodes: counts, sums and coins (b, arms)."""
    b, arms = counts.shape
    chosen = np.empty(b, np.int64)
    for row in range(b):
        n, mean = counts[row], sums[row] / np.maximum(counts[row], 1)
        fresh, leader = -1, 0
        for arm in range(arms):
            if n[arm] == 0 and (fresh < 0 or coins[row, arm] > coins[row, fresh]):
                fresh = arm
            tie = mean[arm] == mean[leader] and coins[row, arm] > coins[row, leader]
            if mean[arm] > mean[leader] or tie:
                leader = arm
        if fresh >= 0:
            chosen[row] = fresh
            continue
        rival, least = -1, np.inf
        for arm in range(arms):
            if arm == leader:
                continue
            z = (mean[leader] - mean[arm]) / np.sqrt(1 / n[arm] + 1 / n[leader])
            if z < least or (z == least and coins[row, arm] > coins[row, rival]):
                rival, least = arm, z
        rather = n[rival] < n[leader] or (n[rival] == n[leader] and coins[row, 0] < 0.5)
        chosen[row] = rival if rather else leader
    return chosen


def solve(task: ActiveSearch, case: Case, point: Point) -> Answer:
    """Play the case."""
    return task.play(case, Uncertainty())
