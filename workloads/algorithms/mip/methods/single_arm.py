"""One neighbourhood, committed to: the static setting of a portfolio.

Each of the sixteen can be asked for (`--set arm=rens_25`). Which is best is known afterwards
only; the honest comparison of a bandit is with the median one, and with the best on other
instances.

**What to expect.** From the card, set cover at 60 s: mutation_50 at 776..806 where SCIP has
773..827, and crossover and local branching far behind at 25 s.

**Ways to fake it.** The worst arm as "the single arm"; an incumbent handed to some arms as a start.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.mip.substrate.budgeted_search import Search
from adabench.workloads.algorithms.mip.substrate.lns_loop import explore
from adabench.workloads.algorithms.mip.substrate.mip import Mip
from adabench.workloads.algorithms.mip.substrate.program import Program

CARD = Card(
    title="One neighbourhood alone",
    paper="the single-arm runs of Balans, arXiv 2412.14382",
    adapts="nothing: the neighbourhood is fixed",
    role="static",
    needs=("milp",),
    knobs=(
        Knob(
            "arm",
            ("mutation_50", "rins_50", "local_branching_25", "crossover"),
            "mutation_50",
            open=True,
        ),
    ),
)


def solve(task: Mip, case: Program, point: Point) -> Search:
    """Search the one neighbourhood again and again.

    Raises:
        SelectionError: if there is no such neighbourhood.
    """
    from alns.select import RandomSelect

    from adabench.workloads.algorithms.mip.substrate.neighbourhoods import known_arm

    arm = known_arm(str(point["arm"]))
    return explore(task.search(case), [arm], RandomSelect(1, 1))
