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

from adabench.harness.contract.card import (
    Bound,
    Card,
    Claim,
    Knob,
    Level,
    OutOfReach,
    Point,
    Rank,
    Ratio,
    SignedRank,
)
from adabench.workloads.algorithms.mip.substrate.budgeted_search import Search
from adabench.workloads.algorithms.mip.substrate.lns_loop import explore
from adabench.workloads.algorithms.mip.substrate.mip import Mip
from adabench.workloads.algorithms.mip.substrate.neighbourhoods import PORTFOLIO
from adabench.workloads.algorithms.mip.substrate.program import Program

CARD = Card(
    title="Balans (bandit over neighbourhoods)",
    paper="Balans, arXiv 2412.14382, IJCAI 2025",
    adapts="which neighbourhood is searched, on the outcomes so far; per sub-MIP",
    fidelity="code-confirmed",
    needs=("milp",),
    knobs=(Knob("policy", ("thompson", "softmax"), "thompson"),),
    claims=(
        Claim(
            id="BL-time",
            says="It ends within 2 % of its budget, the first solve included.",
            source="own",
            paper="a gate of ours: the package overruns by 1 to 10 s",
            effect=None,
            expect=Bound("overrun", "allowed"),
        ),
        Claim(
            id="BL-feasible",
            says="Its solution holds all rows, bounds and whole numbers.",
            source="theorem",
            paper="by construction",
            effect=None,
            expect=Bound("violation", "tolerance"),
        ),
        Claim(
            id="BL-learnable",
            says="In 3 runs of 10 or more at least three pulls improve: there is something to learn.",
            source="own",
            paper="a gate of ours",
            effect=None,
            expect=Level(
                "improving",
                low=0.3,
                above=0.3,
                reaching=3.0,
                where={"suite": ("smoke", "grid"), "clock": ("wall", "cpu")},
            ),
        ),
        Claim(
            id="BL-1",
            says="After 60 s its objective is below SCIP's on set cover.",
            source="measured",
            paper="lower primal gap after an hour",
            effect=None,
            expect=Ratio(
                "objective",
                against="scip",
                high=1.0,
                groups=("setcover",),
                where={"clock": ("wall", "cpu")},
            ),
        ),
        Claim(
            id="BL-1-wilcoxon",
            says="After 60 s it is nearer to the bound than SCIP, over ten instances of any family.",
            source="measured",
            paper="lower primal gap after an hour",
            effect=None,
            expect=SignedRank(
                "closeness",
                against="scip",
                where={"suite": ("smoke", "grid"), "clock": ("wall", "cpu")},
            ),
        ),
        Claim(
            id="BL-1-long",
            says="The same after 600 s.",
            source="measured",
            paper="lower primal gap after an hour",
            effect=None,
            expect=SignedRank(
                "closeness",
                against="scip",
                where={"suite": ("smoke", "grid"), "clock": ("wall", "cpu"), "seconds": 600.0},
            ),
        ),
        Claim(
            id="BL-2",
            says="Its objective is below that of uniformly drawn arms on set cover.",
            source="measured",
            paper="better than any single neighbourhood",
            effect=None,
            expect=Ratio(
                "objective",
                against="random_arms",
                high=1.0,
                groups=("setcover",),
                where={"clock": ("wall", "cpu")},
            ),
        ),
        Claim(
            id="BL-2-rank",
            says="Its mean rank is better than that of the median single arm of four and than that "
            "of uniformly drawn arms.",
            source="measured",
            paper="better than any single neighbourhood",
            effect=None,
            expect=Rank(
                "objective",
                against=("single_arm", "random_arms"),
                where={"suite": ("smoke", "grid"), "clock": ("wall", "cpu")},
            ),
        ),
        Claim(
            id="BL-2-strong",
            says="It is within 1 % of the best single neighbourhood in hindsight on set cover.",
            source="measured",
            paper="better than any single neighbourhood",
            effect=None,
            expect=Ratio(
                "objective",
                against="best_arm",
                high=1.01,
                groups=("setcover",),
                where={"clock": ("wall", "cpu")},
            ),
        ),
        Claim(
            id="BL-learns",
            says="In the last third it pulls what paid: rank correlation of pulls and mean reward "
            "0.3 or more.",
            source="own",
            paper="a gate of ours",
            effect=None,
            expect=Level(
                "learning", low=0.3, where={"suite": ("smoke", "grid"), "clock": ("wall", "cpu")}
            ),
        ),
        Claim(
            id="BL-3",
            says="It beats large-neighbourhood search by local-branching relaxations.",
            source="headline",
            paper="better",
            effect=None,
            expect=OutOfReach(
                "that method has no maintained package, and an hour a run is its scale"
            ),
        ),
    ),
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
