"""Uncertainty sampling: ask where the answer to "which of the two is better?" is least certain.

Every arm is asked once. Then, with leader l and for every other arm i

    z_i = (mean_l - mean_i) / sqrt(1 / n_l + 1 / n_i),

the arm with the smallest z is the one that the model is least sure to be worse; of the two the
one asked less is asked again. Ties at random.

**What to expect.** Strong where few arms are close. It never goes back to an arm whose first
answer was bad by misfortune, so many equal rivals should hurt it.

**What was seen.** Seed 0, T = 20. Loss in the worst cases of C = 1, 5.6, 32, 178, 1000: 0.000, 0.105,
0.550, 0.783, 0.857; 0.383 under the prior, 0.290 on `pair`. The expectation was wrong: no other
rule here was better on `leader`, ten arms of which nine are equal (0.561).

**Ways to fake it.** Ties by the number of the arm; the wrong noise in z.
"""

import numpy as np

from adabench.harness.card import Card, Point
from adabench.workloads.active_search.bandit import Board, Ints, first_best, means_of
from adabench.workloads.active_search.families import Case
from adabench.workloads.active_search.playing import ActiveSearch, Answer

CARD = Card(
    title="Uncertainty sampling",
    paper="Lewis and Gale, A sequential algorithm for training text classifiers, 1994",
    adapts="the next arm: that of the least certain comparison with the leader",
    fidelity="special-case",
)


class Uncertainty:
    """Asks the less known of the leader and its nearest rival."""

    def choose(self, board: Board) -> Ints:
        """Ask unasked arms first, then as the equation says."""
        counts, rows = board.counts, np.arange(len(board.counts))
        means, safe = means_of(board.counts, board.sums), np.maximum(board.counts, 1)
        leader = first_best(means, board.coins)
        finite = np.where(counts > 0, means, 0.0)
        width = np.sqrt(1 / safe + 1 / safe[rows, leader][:, None])
        sigmas = (finite[rows, leader][:, None] - finite) / width
        sigmas[rows, leader] = np.inf
        rival = first_best(-sigmas, board.coins)
        fewer = counts[rows, rival] < counts[rows, leader]
        even = counts[rows, rival] == counts[rows, leader]
        rather = fewer | (even & (board.coins[:, 0] < 0.5))
        asked = np.where(rather, rival, leader)
        unasked = first_best(np.where(counts == 0, 1.0, 0.0), board.coins)
        chosen: Ints = np.where((counts == 0).any(axis=1), unasked, asked)
        return chosen


def solve(task: ActiveSearch, case: Case, point: Point) -> Answer:
    """Play the case."""
    return task.play(case, Uncertainty())
