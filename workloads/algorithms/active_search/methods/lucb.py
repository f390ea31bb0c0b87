"""LUCB: ask the leader or the arm with the highest upper confidence bound, the less asked of them.

    u_i = mean_i + sqrt(2 log(t + 1) / n_i) * width

Arms are asked once, then the leader by mean and the highest u among the others are the pair; the
original asks both in one step. Knob: `width`, a factor on the confidence bound.

**What to expect.** A bound that is too wide is uniform, one too narrow is greedy.

**Ways to fake it.** Tuning `width` on the reported seeds; its default is in the card before any
run.
"""

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Case, arms_only
from adabench.workloads.algorithms.active_search.substrate.bandits import Board, Floats, Ints, Small
from adabench.workloads.algorithms.active_search.substrate.replay import ActiveSearch, Answer
from adabench.workloads.shared.compiled.kernels import compiled

CARD = Card(
    title="Lower and upper confidence bounds",
    paper="Kalyanakrishnan, Tewari, Auer, Stone, PAC subset selection, ICML 2012",
    adapts="the next arm: the leader or its most hopeful rival",
    knobs=(Knob("width", (0.5, 1.0), 0.5, open=True, low=0.0, high=10.0),),
    conditions={"family": "suite"},
)


class Bounds:
    """Asks the less asked of the leader and the most hopeful rival."""

    def __init__(self, width: float) -> None:
        """Take the factor on the bound."""
        self.width = width

    def choose(self, board: Board) -> Ints:
        """Ask unasked arms first."""
        return next_arms(board.counts, board.sums, board.coins, board.asked, self.width)


@compiled
def next_arms(counts: Ints, sums: Floats, coins: Small, queries: int, width: float) -> Ints:
    """Return the arm of each of b episodes after so many queries: counts, sums, coins (b, arms)."""
    b, arms = counts.shape
    chosen, scale = np.empty(b, np.int64), width * np.sqrt(2 * np.log(queries + 1))
    for row in range(b):
        n, leader, rival = counts[row], -1, -1
        for arm in range(arms):
            if n[arm] > 0 and (
                leader < 0 or sums[row, arm] / n[arm] > sums[row, leader] / n[leader]
            ):
                leader = arm
        most = -np.inf
        for arm in range(arms):
            if arm == leader:
                continue
            upper = sums[row, arm] / n[arm] + scale / np.sqrt(n[arm]) if n[arm] > 0 else np.inf
            if upper > most or (upper == most and coins[row, arm] > coins[row, rival]):
                rival, most = arm, upper
        chosen[row] = rival if leader < 0 or n[rival] <= n[leader] else leader
    return chosen


def solve(task: ActiveSearch, case: Case, point: Point) -> Answer:
    """Play the case."""
    arms_only(case)
    return task.play(case, Bounds(float(point["width"])))
