"""Roulette wheel: the classic weights of adaptive large-neighbourhood search.

Each arm has a weight, which moves towards the score of its outcomes; arms are drawn in proportion.

    w(a) <- 0.8 w(a) + 0.2 score(outcome),   scores 3, 2, 1, 0

**What to expect.** A prediction: like random arms at 60 s; no figure in the card.

**Ways to fake it.** For the bandit's sake: weights that never move.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.mip.substrate.budgeted_search import Search
from adabench.workloads.algorithms.mip.substrate.lns_loop import explore
from adabench.workloads.algorithms.mip.substrate.mip import Mip
from adabench.workloads.algorithms.mip.substrate.neighbourhoods import PORTFOLIO
from adabench.workloads.algorithms.mip.substrate.program import Program

CARD = Card(
    title="Roulette-wheel weights",
    paper="Ropke and Pisinger, An adaptive large neighborhood search heuristic, 2006",
    adapts="which neighbourhood is searched, on decayed outcomes; per sub-MIP",
    no_signal="a run has one instance, and the outcomes are of its own pulls; `random_arms` learns from none",
    needs=("milp",),
)
SCORES, DECAY = [3.0, 2.0, 1.0, 0.0], 0.8


def solve(task: Mip, case: Program, point: Point) -> Search:
    """Search neighbourhoods drawn by weight."""
    from alns.select import RouletteWheel

    return explore(task.search(case), PORTFOLIO, RouletteWheel(SCORES, DECAY, len(PORTFOLIO), 1))
