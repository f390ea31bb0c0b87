"""Control: an arm drawn uniformly at each step, from the same portfolio.

What the bandit's choice is worth is the difference to this one, and nothing else.

**What to expect.** A prediction: at 60 s no worse than the bandit, which has learnt little by then.

**Ways to fake it.** Another portfolio, start or acceptance than the bandit's.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.mip.substrate.budgeted_search import Search
from adabench.workloads.algorithms.mip.substrate.lns_loop import explore
from adabench.workloads.algorithms.mip.substrate.mip import Mip
from adabench.workloads.algorithms.mip.substrate.neighbourhoods import PORTFOLIO
from adabench.workloads.algorithms.mip.substrate.program import Program

CARD = Card(
    title="Uniformly random neighbourhoods",
    paper="our own control",
    adapts="nothing: the neighbourhood is drawn",
    role="control",
    needs=("milp",),
)


def solve(task: Mip, case: Program, point: Point) -> Search:
    """Search drawn neighbourhoods."""
    from alns.select import RandomSelect

    return explore(task.search(case), PORTFOLIO, RandomSelect(len(PORTFOLIO), 1))
