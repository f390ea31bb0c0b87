"""HiGHS with its defaults, on one thread: a second baseline.

**What to expect.** A prediction, the card has no figure: behind SCIP on set cover at 60 s.

**Ways to fake it.** More threads; a limit that does not count reading the file.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.mip.substrate.budgeted_search import Search
from adabench.workloads.algorithms.mip.substrate.mip import Mip
from adabench.workloads.algorithms.mip.substrate.program import Program

CARD = Card(
    title="HiGHS, defaults",
    paper="Huangfu and Hall, Parallelizing the dual revised simplex method, 2018; highspy",
    adapts="nothing from outside: branch and cut",
    role="static",
    needs=("milp",),
)


def solve(task: Mip, case: Program, point: Point) -> Search:
    """Solve the whole program."""
    search = task.search(case)
    search.highs()
    return search.end()
