"""LUCB: ask the leader or the arm with the highest upper confidence bound, the less asked of them.

    u_i = mean_i + sqrt(2 log(t + 1) / n_i) * width

Arms are asked once, then the leader by mean and the highest u among the others are the pair; the
original asks both in one step. Knob: `width`, a factor on the confidence bound.

**What to expect.** A bound that is too wide is uniform, one too narrow is greedy.

**What was seen.** Seed 0, T = 20. Loss in the worst cases of C = 1, 5.6, 32, 178, 1000: 0.000, 0.105,
0.574, 0.805, 0.863; 0.386 under the prior; on `pair` 0.287, the best of the rules.

**Ways to fake it.** Tuning `width` on the reported seeds; its default is in the card before any run.
"""

import numpy as np

from adabench.harness.card import Card, Knob, Point
from adabench.workloads.active_search.bandit import Board, Ints, first_best, means_of
from adabench.workloads.active_search.families import Case
from adabench.workloads.active_search.playing import ActiveSearch, Answer

CARD = Card(
    title="Lower and upper confidence bounds",
    paper="Kalyanakrishnan, Tewari, Auer, Stone, PAC subset selection, ICML 2012",
    adapts="the next arm: the leader or its most hopeful rival",
    knobs=(Knob("width", (0.5, 1.0), 0.5, open=True, low=0.0, high=10.0),),
)


class Bounds:
    """Asks the less asked of the leader and the most hopeful rival."""

    def __init__(self, width: float) -> None:
        """Take the factor on the bound."""
        self.width = width

    def choose(self, board: Board) -> Ints:
        """Ask unasked arms first."""
        counts, rows = board.counts, np.arange(len(board.counts))
        means = means_of(counts, board.sums)
        leader = first_best(means, board.coins)
        radius = np.sqrt(2 * np.log(board.asked + 1) / np.maximum(counts, 1))
        upper = np.where(counts > 0, means + self.width * radius, np.inf)
        hopeful = upper.copy()
        hopeful[rows, leader] = -np.inf
        rival = first_best(hopeful, board.coins)
        asked: Ints = np.where(counts[rows, rival] <= counts[rows, leader], rival, leader)
        return asked


def solve(task: ActiveSearch, case: Case, point: Point) -> Answer:
    """Play the case."""
    return task.play(case, Bounds(float(point["width"])))
