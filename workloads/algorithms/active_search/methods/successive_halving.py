"""Successive halving: ask all arms, keep the better half, ask those, and so on to the last two.

The original gives each of log2(arms) rounds the same share of the queries. With two queries an
arm that leaves none for some rounds, so here each round asks every survivor at least once,
more if its share allows, and the last round takes what is left: 10, 5, 3 and 2 arms at T = 20. With
fewer queries it ends early. Unlike the original it names the best observed mean of all answers
(the task's rule for everybody), not that of the last round.

**What to expect.** Near the best on one leader among equals; a schedule that ignores how clear
the answers were.

**Ways to fake it.** Throwing earlier answers away for it alone.
"""

import numpy as np
from numpy.typing import NDArray

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Case, arms_only
from adabench.workloads.algorithms.active_search.substrate.bandits import (
    ARMS,
    Board,
    Ints,
    first_best,
    means_of,
)
from adabench.workloads.algorithms.active_search.substrate.replay import ActiveSearch, Answer

CARD = Card(
    title="Successive halving",
    paper="Karnin, Koren, Somekh, Almost optimal exploration in multi-armed bandits, ICML 2013",
    adapts="which half of the arms is asked on, after each round",
    fidelity="special-case",
    conditions={"family": "suite"},
)
SURVIVORS = (10, 5, 3, 2)


def rounds(queries: int) -> list[int]:
    """Return after how many queries each round ends; the last ends at `queries`."""
    ends, spent = [], 0
    for alive in SURVIVORS:
        spent += alive * max(1, queries // (len(SURVIVORS) * alive))
        ends.append(min(spent, queries))
    return [*ends[:-1], queries]


class Halving:
    """Keeps which arms are in the race; starts anew when nothing was asked yet."""

    def __init__(self) -> None:
        """Wait for the first board."""
        self.alive: NDArray[np.bool_] = np.ones((0, ARMS), np.bool_)

    def choose(self, board: Board) -> Ints:
        """Ask the least asked survivor."""
        if board.asked == 0:
            self.alive = np.ones(board.counts.shape, np.bool_)
        ends = rounds(board.queries)
        if board.asked in ends[:-1]:
            self._halve(board, SURVIVORS[ends.index(board.asked) + 1])
        least = np.where(self.alive, -board.counts.astype(float), -np.inf)
        return first_best(least, board.coins)

    def _halve(self, board: Board, number: int) -> None:
        means = np.where(self.alive, means_of(board.counts, board.sums), -np.inf)
        ranked = np.lexsort((board.coins, means), axis=1)[:, ::-1]
        keep = np.zeros_like(self.alive)
        np.put_along_axis(keep, ranked[:, :number], True, axis=1)
        self.alive = keep


def solve(task: ActiveSearch, case: Case, point: Point) -> Answer:
    """Play the case."""
    arms_only(case)
    return task.play(case, Halving())
