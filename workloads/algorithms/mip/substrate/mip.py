"""The task object: instances, the budget, and a score by a reference that it is handed."""

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.mip.substrate.budgeted_search import (
    Budget,
    Clock,
    Outcome,
    Search,
)
from adabench.workloads.algorithms.mip.substrate.program import Program, file_of

SOLVERS = ("pyscipopt", "highspy")
LIBRARIES = ("alns", "mabwiser.mab")
"""What neighbourhood methods run on; pandas, which they import, begins a thread, so no server does."""
PARTS = ("scipy.stats", "matplotlib.pyplot")
"""What they import beside it, and begins none but those of `BLAS`."""
BLAS = importlib.import_module("scipy.linalg")
"""Imported with this module, so that its threads are there before a server looks for others."""


class Reference(Protocol):
    """Who knows bounds and best values: the task is handed one, and no method is."""

    def bound(self, program: Program) -> float:
        """Return what no solution of a program is better than."""

    def values(self, program: Program, outcome: Outcome, budget: Budget) -> dict[str, float]:
        """Return the metrics of an ended search."""


@dataclass(frozen=True)
class Mip:
    """The task: instances, the budget, and the score.

    What a method's process gets of it has no instances and no reference: each instance is entered
    when it is to be solved.
    """

    starts_cold: ClassVar[bool] = True
    """A solve takes its budget whatever was solved before: a first one unmeasured costs minutes."""
    laps_differ: ClassVar[bool] = True
    """A clock ends a solve: no two do just the same work."""
    programs: tuple[Program, ...] = ()
    reference: Reference | None = field(default=None, repr=False, compare=False)
    seconds: float = 60.0
    pulls: int = 0
    clock: Clock = "wall"
    meter: Meter = field(default_factory=Meter)
    _known: list[Program] = field(init=False, repr=False, compare=False)
    _open: dict[float, Search] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Know the instances."""
        object.__setattr__(self, "_known", list(self.programs))

    def cases(self) -> tuple[Program, ...]:
        """Return the instances; files, bounds and imports come now, not while a method is timed."""
        _import(SOLVERS)
        for program in self.programs:
            self._reference().bound(program)
        return self.programs

    def __reduce__(self) -> tuple[type["Mip"], tuple[object, ...]]:
        """Store what has no instances; a copy of the rest would count into a meter nobody reads."""
        if self.programs:
            raise TypeError("a mip task is not stored; load it from its conditions")
        return Mip, ((), None, self.seconds, self.pulls, self.clock)

    def substrate(self) -> "Mip":
        """Return what methods get: the budget, and searches that keep to it."""
        return Mip(seconds=self.seconds, pulls=self.pulls, clock=self.clock)

    oracle_substrate = substrate

    def enter(self, case: Program, environment: None) -> None:
        """Take an instance to be solved in place of the one before.

        Its file is written and libraries are imported now: a budget is for searching.
        """
        self._known[:] = [case]
        self._open.clear()
        file_of(case)
        _import(LIBRARIES)

    def warm(self) -> None:
        """Import the solvers, and parts of libraries."""
        _import((*SOLVERS, *PARTS))

    def search(self, case: Program) -> Search:
        """Begin one solve; the clock runs from here.

        Raises:
            MethodContractError: if it is not a case of this task.
        """
        if not any(case is program for program in self._known):
            raise MethodContractError("That is not a case of this task.", "Pass `case` on as is.")
        self._open[case.instance] = Search(
            case, self.seconds, self.meter, case.seed, self.clock, self.pulls
        )
        return self._open[case.instance]

    def best_of(self, case: Program, tries: Sequence[Callable[[Search], Search]]) -> Search:
        """Give each try the whole budget and return the best; for oracles alone."""
        ended = [attempt(self.search(case)) for attempt in tries]
        best = min(ended, key=lambda search: search.dated[-1][1] if search.dated else math.inf)
        self._open[case.instance] = best
        return best

    def account(self, case: Program, answer: Search) -> Outcome:
        """Return what came of a search: the solver stays where it is.

        Raises:
            MethodContractError: if the answer is not this case's search, ended.
        """
        if self._open.get(case.instance) is not answer or not answer.is_ended:
            raise MethodContractError(
                "The answer is not the task's own search of this case, ended.",
                "`solve` must return `search.end()` of `task.search(case)`.",
            )
        return answer.outcome()

    def judge(self, case: Program, outcome: Outcome) -> dict[str, float]:
        """Judge the incumbent: feasible, how good, in time."""
        budget = Budget(self.seconds, self.pulls, self.clock)
        return self._reference().values(case, outcome, budget)

    def score(self, case: Program, answer: Search) -> dict[str, float]:
        """Judge a search of this very object."""
        return self.judge(case, self.account(case, answer))

    def _reference(self) -> Reference:
        if self.reference is None:
            raise MethodContractError(
                "Bounds and best values are not known in the process of a method.",
                "Scores are made where the truth is, by the run.",
            )
        return self.reference


def _import(names: Sequence[str]) -> None:
    for name in names:
        importlib.import_module(name)
