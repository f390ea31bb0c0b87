"""SCIP with its defaults: the baseline, its own neighbourhood heuristics on.

**What to expect.** From the card, on set cover 1,500 x 3,000: 827 after 25 s and still 827 after
60.

**Ways to fake it.** Another limit or more threads than for the others; its heuristics off in the
baseline only; a limit that does not count reading and presolving.
"""

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.algorithms.mip.substrate.budgeted_search import Search
from adabench.workloads.algorithms.mip.substrate.mip import Mip
from adabench.workloads.algorithms.mip.substrate.program import Program

CARD = Card(
    title="SCIP, defaults",
    paper="SCIP Optimization Suite, through PySCIPOpt",
    adapts="nothing from outside: branch and cut with its own heuristics",
    role="static",
    needs=("milp",),
    fixed={"solver": "scip"},
    variants=(
        Variant(
            "highs",
            "HiGHS, defaults",
            {"solver": "highs"},
            role="static",
            adapts="nothing from outside: branch and cut",
            paper="Huangfu and Hall, Parallelizing the dual revised simplex method, 2018; highspy",
            essay="""HiGHS with its defaults, on one thread: a second baseline.

            **What to expect.** A prediction, the card has no figure: behind SCIP on set cover at 60 s.

            **Ways to fake it.** More threads; a limit that does not count reading the file.
            """,
        ),
    ),
)


def solve(task: Mip, case: Program, point: Point) -> Search:
    """Solve the whole program."""
    search = task.search(case)
    run = search.scip if point["solver"] == "scip" else search.highs
    run()
    return search.end()
