"""The task object: instances, the budget, and a score by a judge that it is handed."""

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.mip.substrate.budgeted_search import Clock, Search
from adabench.workloads.algorithms.mip.substrate.program import Program


class Judge(Protocol):
    """Who knows bounds and best values: the task is handed one, and no method is."""

    def bound(self, program: Program) -> float:
        """Return what no solution of a program is better than."""
        ...

    def values(self, program: Program, search: Search) -> dict[str, float]:
        """Return the metrics of an ended search."""
        ...


@dataclass(frozen=True)
class Mip:
    """The task: instances, the budget, and the score."""

    starts_cold: ClassVar[bool] = True
    """A solve takes its budget whatever was solved before: a first one unmeasured costs minutes."""
    programs: tuple[Program, ...]
    judge: Judge = field(repr=False, compare=False)
    seconds: float
    pulls: int = 0
    clock: Clock = "wall"
    meter: Meter = field(default_factory=Meter)
    _open: dict[float, Search] = field(default_factory=dict, repr=False, compare=False)

    def cases(self) -> tuple[Program, ...]:
        """Return the instances; files, bounds and imports come now, not while a method is timed."""
        for solver in ("pyscipopt", "highspy"):
            importlib.import_module(solver)
        for program in self.programs:
            self.judge.bound(program)
        return self.programs

    def search(self, case: Program) -> Search:
        """Begin one solve; the clock runs from here.

        Raises:
            MethodContractError: if it is not a case of this task.
        """
        if not any(case is program for program in self.programs):
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

    def score(self, case: Program, answer: Search) -> dict[str, float]:
        """Judge the incumbent: feasible, how good, in time.

        Raises:
            MethodContractError: if the answer is not this case's search, ended.
        """
        if self._open.get(case.instance) is not answer or not answer.is_ended:
            raise MethodContractError(
                "The answer is not the task's own search of this case, ended.",
                "`solve` must return `search.end()` of `task.search(case)`.",
            )
        return self.judge.values(case, answer)
