"""The loop that all large-neighbourhood methods share: start, pick an arm, search, accept, learn.

    solve the LP relaxation;  start = SCIP's best after a quarter of the budget, or 20 s
    until the budget ends:    arm = pick();  x' = best of its neighbourhood
                              outcome = best | better | accepted | rejected;  learn(arm, outcome)

The loop, the acceptance (simulated annealing, temperature 20 to 1 by 0.1) and the outcomes are
those of the `alns` library, the bandits those of `mabwiser`, as in the paper's package.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adabench.workloads.algorithms.mip.substrate.budgeted_search import LEAST_S, Search
from adabench.workloads.algorithms.mip.substrate.neighbourhoods import Situation, step
from adabench.workloads.algorithms.mip.substrate.program import Floats, Program

START_SHARE, START_S = 0.25, 20.0
"""Of the budget, for the first solution: 15 s of 60, and never more than the paper's 20 s."""
HOT, COLD, COOLING = 20.0, 1.0, 0.1
COINS = 1


@dataclass(frozen=True)
class State:
    """What the library moves about."""

    search: Search
    x: Floats

    def objective(self) -> float:
        """Return what is minimised."""
        return self.search.program.objective(self.x)


class BudgetStop:
    """Stops the library's loop when the budget is spent, or nothing more can be begun."""

    def __init__(self, search: Search) -> None:
        self.search = search

    def __call__(self, rng: object, best: object, current: object) -> bool:
        """Tell whether to stop."""
        return self.search.is_over


def explore(search: Search, arms: Sequence[str], selector: Any) -> Search:
    """Run the loop with a selector of the library; every pull and its outcome are kept."""
    from alns import ALNS
    from alns.accept import SimulatedAnnealing

    relaxed = search.relaxation()
    x = search.scip(min(START_SHARE * search.budget_s, START_S))
    while x is None and search.left_s >= LEAST_S:
        x = search.scip()
    if x is None or search.left_s < LEAST_S:
        return search.end()
    rng = coins(search.program)
    loop = ALNS(rng)
    for name in arms:
        loop.add_destroy_operator(_operator(name, relaxed), name=name)
    loop.add_repair_operator(_kept, name="kept")
    selector = _Logged(selector, search, arms)
    loop.iterate(State(search, x), selector, SimulatedAnnealing(HOT, COLD, COOLING, "linear"),
                 BudgetStop(search))  # fmt: skip
    return search.end()


def coins(program: Program) -> np.random.Generator:
    """Return the coins of a method, apart from those that drew the instance."""
    return np.random.default_rng(np.random.SeedSequence(program.seed, spawn_key=(COINS,)))


def _operator(name: str, relaxed: Floats) -> Any:
    def searched(state: State, rng: np.random.Generator, **_: object) -> State:
        x = step(Situation(state.search, state.x, relaxed, rng), name)
        return state if x is None else State(state.search, x)

    return searched


def _kept(state: State, rng: np.random.Generator, **_: object) -> State:
    """Return the state: the sub-MIP has repaired it already."""
    return state


class _Logged:
    """A selector whose choices and outcomes are written into the search."""

    def __init__(self, selector: Any, search: Search, arms: Sequence[str]) -> None:
        self._selector, self._search, self._arms = selector, search, arms

    def __call__(self, rng: Any, best: Any, current: Any) -> Any:
        return self._selector(rng, best, current)

    def update(self, candidate: Any, destroy: int, repair: int, outcome: Any) -> None:
        self._search.pulls.append((self._arms[destroy], int(outcome)))
        self._selector.update(candidate, destroy, repair, outcome)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)
