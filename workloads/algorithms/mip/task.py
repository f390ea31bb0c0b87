"""Mixed-integer programs against the clock: which neighbourhood is searched next.

A case is an instance (`instance_families.py`). A method gets a `Search` over it
(`budgeted_search.py`): one budget of seconds, solves of the whole program or of parts of it, all of
them counted and limited by what is left.

    def solve(task, case, point):
        search = task.search(case)
        search.scip()
        return search.end()

**What is given to everybody alike.** The instance file, SCIP with one thread and its defaults, the
budget with the first solve inside it.

**What is scored.** `closeness`: 1 - |objective - bound| / max(|objective|, |bound|), the bound
being the LP relaxation's, the same for all. `primal_gap`: the same against the best value known, 0
for who is better; absent for instances that have none (`truth/known.json`, which
`benchmarks/mip_known.py` writes, has seeds 0 and 1). `primal_integral_s`: the gap to the bound,
integrated over the budget, 1 before there is a solution. Work: `seconds`, the budget that was
handed out; sub-MIPs, LP iterations and nodes are counted beside it. `learning`: rank correlation
between how often an arm was pulled in the last third and its mean reward.

**A smoke run and a grid.** By default one set-cover instance a seed, 60 s a method. On the wall's
clock methods run one after another on a quiet machine, never with `--workers`.

    adabench run 'mip/*' --no-sweep --set suite=grid --seeds 0..1           (8 instances, 90 min)
    adabench run 'mip/*' --no-sweep --set suite=grid --seeds 0..1 --set seconds=3600  (the paper's)

The smoke run shows that everything works, and decides nothing. The grid has all four families.

**What 60 s can and cannot show.** It can show gates (time, feasibility), how often a pull improves
the incumbent (`improving`), and whether the portfolio is within a few percent of SCIP. It cannot
show the paper's claims, which are about an hour: sixteen arms are pulled about eleven times in all,
so bandits differ by their first few draws. `--set pulls=20` ends neighbourhood methods after so
many sub-MIPs: a seed then gives the same answer twice, as long as no limit of time is hit.

**Two clocks.** By default the budget is wall-clock time, as in the paper; a method that had a
processor for less than nine tenths of it is refused with the reason. `--set clock=cpu` gives
everybody user seconds of the processor instead, which SCIP has a clock for and HiGHS has not. Then
a busy machine and `--workers` take longer and change nobody's budget.
"""

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.mip.conformance import check
from adabench.workloads.algorithms.mip.substrate.budgeted_search import Clock, Outcome
from adabench.workloads.algorithms.mip.substrate.instance_families import FAMILIES, generate
from adabench.workloads.algorithms.mip.substrate.mip import Mip
from adabench.workloads.algorithms.mip.truth.known_bounds import KnownBounds

CARD = Card(
    title="Mixed-integer programs against the clock",
    paper="Balans, arXiv 2412.14382, IJCAI 2025",
    adapts="which neighbourhood of the incumbent is searched next",
    budget="seconds",
    no_speedup="the work that is handed out is time itself",
    needs=("milp",),
    gaps=(
        Gap(
            mixture=("highs", "scip", "single_arm"),
            methods=("balans", "roulette", "random_arms"),
            oracle="best_arm",
            coin="random_arms",
        ),
    ),
    knobs=(
        Knob("seconds", (60.0,), 60.0, open=True, low=0.2),
        Knob("pulls", (0,), 0, open=True, low=0),
        Knob("clock", ("wall", "cpu"), "wall"),
        Knob("suite", ("smoke", "grid"), "smoke"),
        Knob("size", ("full", "tiny"), "full"),
    ),
    cases="nested",
    metrics=(
        Metric("closeness", "", "higher", "quality", primary=True),
        Metric("seconds", "s", "lower", "work", primary=True),
        Metric("primal_gap", "", "lower", "cost"),
        Metric("primal_integral_s", "s", "lower", "cost"),
        Metric("objective", "", "lower", "cost"),
        Metric("solved", "", "higher", "quality"),
        Metric("sub_mips", "sub-MIPs", "lower", "work"),
        Metric("lp_iterations", "iterations", "lower", "work"),
        Metric("nodes", "nodes", "lower", "work"),
        Metric("overrun", "s", "lower", "cost"),
        Metric("allowed", "s", "higher", "info"),
        Metric("violation", "", "lower", "cost"),
        Metric("tolerance", "", "higher", "info"),
        Metric("improving", "pulls", "higher", "info"),
        Metric("search_cpu_s", "s", "higher", "info"),
        Metric("pulls", "pulls", "higher", "info"),
        Metric("learning", "", "higher", "info", low=-1.0, high=1.0),
        Metric("bound", "objective", "higher", "info"),
        Metric("instance", "hash", "higher", "info"),
    ),
)

CHECK_CONDITIONS = {"seconds": 6.0, "size": "tiny", "pulls": 5}
"""With a clock that never rings, a seed gives the same answer twice."""
OUTCOMES = (Outcome,)

__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load"]


def load(
    scale: str,
    seed: int,
    *,
    seconds: float = 60.0,
    pulls: int = 0,
    clock: Clock = "wall",
    suite: str = "smoke",
    size: str = "full",
) -> Mip:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale that it does not have.
    """
    if scale != "embedded":
        raise SelectionError(f"mip has no scale {scale!r}.", "It runs at `embedded`.")
    names = tuple(FAMILIES) if suite == "grid" else ("setcover",)
    programs = tuple(generate(name, size, seed) for name in names)
    return Mip(programs, KnownBounds(), seconds, pulls, clock)
