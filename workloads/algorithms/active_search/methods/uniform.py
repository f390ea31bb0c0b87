"""Uniform: ask all arms equally often, whatever they answer.

The static reference: arms in turn, in a random order in each round. Knob: `among`, how many of
the arms are asked at all. Asking fewer gives better means of an arm that may not be the best:
with five arms success is at most a half.

**What to expect.** Good where everything is easy, near the best where everything is hopeless;
between the two it wastes queries on arms that are out of the race.

**Ways to fake it.** Giving it another decision rule than the others; a fixed order of arms that
happens to favour the best one (the task shuffles the arms).
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Case
from adabench.workloads.algorithms.active_search.substrate.bandits import (
    ARMS,
    Board,
    Ints,
    first_best,
)
from adabench.workloads.algorithms.active_search.substrate.replay import ActiveSearch, Answer

CARD = Card(
    title="Uniform allocation",
    paper="none: the static baseline",
    adapts="nothing: arms in turn",
    role="static",
    knobs=(Knob("among", (10, 5), 10, open=True, low=1, high=10),),
)


class Uniform:
    """Asks what was asked least, among the first arms."""

    def __init__(self, among: int) -> None:
        """Ask only so many arms."""
        self.among = min(among, ARMS)

    def choose(self, board: Board) -> Ints:
        """Ask one of the least asked, at random."""
        counts, coins = board.counts, board.coins
        if self.among < ARMS:
            counts, coins = counts[:, : self.among], coins[:, : self.among]
        return first_best(-counts.astype(float), coins)


def solve(task: ActiveSearch, case: Case, point: Point) -> Answer:
    """Play the case."""
    return task.play(case, Uniform(int(point["among"])))
