"""Uniform: ask all arms equally often, whatever they answer.

The static reference: arms in turn, in a random order in each round. Knob: `among`, how many of
the arms are asked at all. Asking fewer gives better means of an arm that may not be the best:
with five arms success is at most a half.

**What to expect.** Good where everything is easy, near the best where everything is hopeless;
between the two it wastes queries on arms that are out of the race.

**Ways to fake it.** Giving it another decision rule than the others; a fixed order of arms that
happens to favour the best one (the task shuffles the arms).
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
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
    fixed={"evenly": True},
    variants=(
        Variant(
            "random_arm",
            "Random arm at every query",
            {"evenly": False, "among": 10},
            paper="none: a control",
            adapts="nothing: any arm",
            essay="""Random: ask any arm, drawn anew for each query.

            The control: as many queries as everybody, allocated at random.

            **What to expect.** Worse than uniform, which at least asks every arm: with 20 queries an arm is
            never asked with probability 0.9^20 = 0.12.

            **Ways to fake it.** Random numbers that are not fresh at each query.
            """,
        ),
    ),
)


class Uniform:
    """Asks what was asked least, or anything, among the first arms."""

    def __init__(self, among: int, *, evenly: bool = True) -> None:
        """Ask only so many arms."""
        self.among, self.weight = min(among, ARMS), float(evenly)

    def choose(self, board: Board) -> Ints:
        """Ask one of the least asked, or any, at random."""
        counts, coins = board.counts, board.coins
        if self.among < ARMS:
            counts, coins = counts[:, : self.among], coins[:, : self.among]
        return first_best(-self.weight * counts, coins)


def solve(task: ActiveSearch, case: Case, point: Point) -> Answer:
    """Play the case."""
    return task.play(case, Uniform(int(point["among"]), evenly=bool(point["evenly"])))
