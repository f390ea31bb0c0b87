"""Oracle: each neighbourhood is tried with the whole budget, and the best is kept.

What one would commit to who knew every outcome. A bound: a sequence of different arms may do better still, and
the runs scatter by the clock. It costs as many budgets as it has arms, and is charged one.

**Ways to fake it.** Taking the best of many runs of the same arm for an oracle: each arm is run
once here.
"""

from collections.abc import Callable

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.mip.substrate.budgeted_search import Search
from adabench.workloads.algorithms.mip.substrate.lns_loop import explore
from adabench.workloads.algorithms.mip.substrate.mip import Mip
from adabench.workloads.algorithms.mip.substrate.program import Program

CARD = Card(
    title="Oracle: the best single neighbourhood",
    paper="our own bound",
    adapts="which neighbourhood is committed to, after seeing all of them",
    role="oracle",
    oracle="bound",
    needs=("milp",),
    knobs=(Knob("arms", (4, 16), 4),),
)
FEW = ("mutation_50", "rins_50", "local_branching_25", "crossover")


def solve(task: Mip, case: Program, point: Point) -> Search:
    """Run every arm and answer with the best."""
    from alns.select import RandomSelect

    from adabench.workloads.algorithms.mip.substrate.neighbourhoods import PORTFOLIO

    def committed(arm: str) -> Callable[[Search], Search]:
        return lambda search: explore(search, [arm], RandomSelect(1, 1))

    arms = FEW if point["arms"] == 4 else PORTFOLIO
    return task.best_of(case, [committed(arm) for arm in arms])
