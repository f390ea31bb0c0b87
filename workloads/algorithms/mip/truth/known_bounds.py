"""What a solution is held against, and what it is worth: computed apart from every method."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from adabench.harness.errors import EnvironmentProblem, MethodContractError
from adabench.workloads.algorithms.mip.substrate.budgeted_search import Budget, Outcome
from adabench.workloads.algorithms.mip.substrate.program import FEASIBLE, Program, file_of, highs

KNOWN = Path(__file__).parent / "known.json"
"""By instance digest: the best objective of long runs and its dual bound, as
`benchmarks/mip_known.py` finds them."""
OVERRUN = 0.02
"""Of the budget: how late a method may end."""
SHARE = 0.9
"""Of a budget on the wall's clock: what the solver must have had of a processor."""
REWARDS = (1.0, 1.0, 0.0, 0.0)

_BOUNDS: dict[str, float] = {}


class KnownBounds:
    """The task's reference: LP bounds, the best known values, and what an ended search is worth."""

    def bound(self, program: Program) -> float:
        """Return the LP relaxation's optimum."""
        return bound_of(program)

    def values(self, program: Program, outcome: Outcome, budget: Budget) -> dict[str, float]:
        """Return the metrics of an ended search."""
        return judge(program, outcome, budget)


def bound_of(program: Program) -> float:
    """Return the LP relaxation's optimum, by HiGHS: no solution is better."""
    if program.digest not in _BOUNDS:
        solver = highs(file_of(program))
        solver.setOptionValue("solve_relaxation", True)
        solver.run()
        _BOUNDS[program.digest] = float(solver.getInfo().objective_function_value)
    return _BOUNDS[program.digest]


@lru_cache(maxsize=1)
def known_values() -> dict[str, dict[str, Any]]:
    """Return the shipped best values."""
    found: dict[str, dict[str, Any]] = json.loads(KNOWN.read_text(encoding="utf-8"))
    return found


def gap(objective: float, best: float) -> float:
    """Return |objective - best| over the larger of the two, at most 1."""
    size = max(abs(objective), abs(best))
    return min(abs(objective - best) / size, 1.0) if size else 0.0


def judge(program: Program, outcome: Outcome, budget: Budget) -> dict[str, float]:
    """Return the metrics of an ended search.

    Raises:
        MethodContractError: if the incumbent is not feasible, or beats the bound.
        EnvironmentProblem: if most of a budget on the wall's clock was waited for a processor.
    """
    _require_processor(outcome, budget)
    bound = bound_of(program)
    values = {
        "solved": float(outcome.best is not None),
        "closeness": 0.0,
        "seconds": budget.seconds,
        "overrun": max(outcome.ended_s - budget.seconds, 0.0),
        "allowed": OVERRUN * budget.seconds,
        "primal_integral_s": _integral(outcome.dated, bound, budget.seconds),
        "search_cpu_s": outcome.worked_s,
        "pulls": float(len(outcome.pulls)),
        "improving": float(sum(result <= 1 for _, result in outcome.pulls)),
        "tolerance": FEASIBLE,
        "bound": bound,
        "instance": program.instance,
    } | _learning(outcome.pulls)
    if outcome.best is None:
        return values
    objective, violation = program.objective(outcome.best), program.violation(outcome.best)
    if violation > FEASIBLE or objective < bound - 1e-6 * max(abs(bound), 1.0):
        raise MethodContractError(
            f"The incumbent of {program.group} is off by {violation:.3g}, or its objective "
            f"{objective:.6g} lies below the bound {bound:.6g}.",
            "Only what a solve returned may be offered.",
        )
    values |= {
        "objective": objective,
        "violation": violation,
        "closeness": 1 - gap(objective, bound),
    }
    if program.digest in known_values():
        best = float(known_values()[program.digest]["objective"])
        values["primal_gap"] = gap(objective, best) if objective > best else 0.0
    return values


def _require_processor(outcome: Outcome, budget: Budget) -> None:
    """Refuse a search that the machine kept waiting: its seconds were not the budget's.

    One that ended before its budget did, or after so many pulls, was not stopped by the clock.
    """
    in_time = budget.pulls > 0 or outcome.ended_s < SHARE * budget.seconds
    share = outcome.worked_s / max(outcome.waited_s, 1e-9)
    if budget.clock == "wall" and not in_time and share < SHARE:
        raise EnvironmentProblem(
            f"The solver had a processor for {share:.0%} of its "
            f"{budget.seconds:g} s: what it found says more about the machine's other work.",
            "Run it on a quiet machine, or give it processor seconds: --set clock=cpu.",
        )


def _integral(dated: list[tuple[float, float]], bound: float, budget_s: float) -> float:
    """Return the integral over the budget of the gap to the bound, 1 before there is a solution."""
    area, since, now = 0.0, 0.0, 1.0
    for at, objective in dated:
        at = min(at, budget_s)
        area += now * (at - since)
        since, now = at, gap(objective, bound)
    return area + now * (budget_s - since)


def _learning(pulls: list[tuple[str, int]]) -> dict[str, float]:
    """Return the rank correlation of late pulls with mean rewards; absent where nothing varies."""
    from scipy.stats import spearmanr

    names = sorted({name for name, _ in pulls})
    late = pulls[-(len(pulls) // 3) :] if len(pulls) >= 3 else []
    pulled = [sum(name == other for other, _ in late) for name in names]
    reward = [
        float(np.mean([REWARDS[result] for other, result in pulls if other == name]))
        for name in names
    ]
    if len(names) < 3 or len(set(pulled)) < 2 or len(set(reward)) < 2:
        return {}
    return {"learning": float(spearmanr(pulled, reward).statistic)}
