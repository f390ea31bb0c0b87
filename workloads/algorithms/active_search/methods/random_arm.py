"""Random: ask any arm, drawn anew for each query.

The control: as many queries as everybody, allocated at random.

**What to expect.** Worse than uniform, which at least asks every arm: with 20 queries an arm is
never asked with probability 0.9^20 = 0.12.

**Ways to fake it.** Random numbers that are not fresh at each query.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Case
from adabench.workloads.algorithms.active_search.substrate.bandits import Board, Ints, first_best
from adabench.workloads.algorithms.active_search.substrate.replay import ActiveSearch, Answer

CARD = Card(
    title="Random arm at every query",
    paper="none: a control",
    adapts="nothing: any arm",
    role="control",
)


class Random:
    """Asks any arm."""

    def choose(self, board: Board) -> Ints:
        """Ask the arm with the highest coin."""
        return first_best(board.coins * 0, board.coins)


def solve(task: ActiveSearch, case: Case, point: Point) -> Answer:
    """Play the case."""
    return task.play(case, Random())
