"""Balans: a bandit decides which neighbourhood of the incumbent is searched next.

Sixteen neighbourhoods (`neighbourhoods.py`) are the arms; a pull is one sub-MIP; the reward is what
came of it on *this* instance: a new best, better than the current, accepted by simulated annealing,
or rejected.

    policy=thompson   Beta(1 + successes, 1 + failures), rewards 1, 1, 0, 0
                      (the paper's on hard MIPLIB)
    policy=softmax    P(a) ~ exp(mean reward / 2), rewards 3, 2, 1, 0
                      (on distributional sets)

No training, no features; any solver would do.

**Simplified against the paper.** Its budget is an hour with 20, 60 and 150 s for a start, a part
and local branching; here a shorter budget has them in proportion (a quarter, a fifteenth, a tenth,
as in the card for 60 s); at `--set seconds=3600` they are the paper's. Built on `alns` and
`mabwiser` as the package is, over SCIP; the package itself depends on a commercial solver's wheel.

**What to expect.** Written before measuring, from the card: within 3 % of SCIP at 60 s on set
cover, either way; no claim can be decided from a few instances.

**Ways to fake it.** A start that is not counted, a wrapper that overruns, sub-MIPs as long as the
budget, an incumbent handed over as a start to some arms, a wrong sign after a maximisation.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.mip.substrate.budgeted_search import Search
from adabench.workloads.algorithms.mip.substrate.lns_loop import explore
from adabench.workloads.algorithms.mip.substrate.mip import Mip
from adabench.workloads.algorithms.mip.substrate.neighbourhoods import PORTFOLIO
from adabench.workloads.algorithms.mip.substrate.program import Program

CARD = Card(
    title="Balans (bandit over neighbourhoods)",
    paper="Balans, arXiv 2412.14382, IJCAI 2025",
    slug="balans",
    adapts="which neighbourhood is searched, on the outcomes so far; per sub-MIP",
    no_signal="a run has one instance, and the outcomes are of its own pulls; `random_arms` learns from none",
    fidelity="code-confirmed",
    needs=("milp",),
    knobs=(Knob("policy", ("thompson", "softmax"), "thompson"),),
)
SCORES = {"thompson": [1.0, 1.0, 0.0, 0.0], "softmax": [3.0, 2.0, 1.0, 0.0]}
TAU = 2.0


def solve(task: Mip, case: Program, point: Point) -> Search:
    """Search the neighbourhoods that the bandit picks."""
    from alns.select import MABSelector
    from mabwiser.mab import LearningPolicy

    policy = str(point["policy"])
    learn = (
        LearningPolicy.ThompsonSampling()
        if policy == "thompson"
        else LearningPolicy.Softmax(tau=TAU)
    )
    selector = MABSelector(SCORES[policy], len(PORTFOLIO), 1, learn, seed=case.seed)
    return explore(task.search(case), PORTFOLIO, selector)
