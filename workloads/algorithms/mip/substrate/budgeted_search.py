"""The substrate: one budget of seconds, one solver, everything counted, every incumbent dated.

A method gets a `Search`. It may solve the program, or a `Part` of it, as often as it likes; each solve is limited by
what is left of the budget, the first one included. SCIP runs on one thread with its defaults, its own large-
neighbourhood heuristics on, in parts as in the baseline. A better solution is dated when the method has it in hand.

On the wall's clock, seconds pass while the machine does something else: `search_cpu_s` says how much of a budget the
solver had, and the score refuses what had too little. On the processor's (`clock=cpu`) only this process's own user
seconds count, as on SCIP's own clock; a busy machine changes nobody's budget.
"""

import math
from dataclasses import dataclass, field
from os import times
from time import perf_counter
from typing import Any, Literal

import numpy as np

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MissingAbility
from adabench.workloads.algorithms.mip.substrate.program import (
    FEASIBLE,
    Floats,
    Program,
    file_of,
    highs,
)

Clock = Literal["wall", "cpu"]


@dataclass(frozen=True)
class Budget:
    """What every search of a task may take."""

    seconds: float
    pulls: int = 0
    """After so many sub-MIPs of a neighbourhood method it ends; 0: the clock alone decides."""
    clock: Clock = "wall"


@dataclass(frozen=True, eq=False)
class Outcome:
    """An ended search."""

    best: Floats | None
    """(n,) the incumbent."""
    dated: list[tuple[float, float]]
    """(seconds since the start, objective) of each incumbent."""
    pulls: list[tuple[str, int]]
    """What a bandit chose, and what came of it: 0 best, 1 better, 2 accepted, 3 rejected."""
    ended_s: float
    """What the search took of its budget."""
    waited_s: float
    """Of the wall's clock, for the whole search."""
    worked_s: float
    """User seconds of the processor in it."""


_SCIP_CLOCK = {"cpu": 1, "wall": 2}

LEAST_S = 0.05
"""No solve is begun with less than this left."""
MARGIN = 0.005
"""Of the budget, kept back for ending in time."""


@dataclass(frozen=True)
class Part:
    """A smaller or changed program: what is None stays as it is."""

    low: Floats | None = None
    high: Floats | None = None
    cost: Floats | None = None
    """(n,)"""
    slack_cost: float | None = None
    """With it the row `cut` gets a slack of this cost."""
    cut: tuple[Floats, float] | None = None
    """(coefficients (n,), right-hand side): coefficients x <= right."""
    first: bool = False
    """Stop at the first solution, heuristics off."""


@dataclass
class Search:
    """The account of one solve; `best` is the incumbent."""

    program: Program
    budget_s: float
    meter: Meter
    seed: int
    clock: Clock = "wall"
    most: int = 0
    """After so many sub-MIPs of a neighbourhood method it ends; 0: the clock alone decides."""
    best: Floats | None = None
    dated: list[tuple[float, float]] = field(default_factory=list)
    """(seconds since the start, objective) of each incumbent."""
    pulls: list[tuple[str, int]] = field(default_factory=list)
    """What a bandit chose, and the outcome: 0 best, 1 better, 2 accepted, 3 rejected."""
    _begun: tuple[float, float] = field(default_factory=lambda: (perf_counter(), times().user))
    _model: Any = None
    _variables: list[Any] = field(default_factory=list)
    is_ended: bool = False
    ended_s: float = 0.0
    """What the search took of its budget; 0 where the clock did not move."""
    waited_s: float = 0.0
    """Of the wall's clock, for the whole search."""
    worked_s: float = 0.0
    """User seconds of the processor in it."""

    @property
    def spent_s(self) -> float:
        """What has passed of the budget, on its clock."""
        if self.clock == "cpu":
            return times().user - self._begun[1]
        return perf_counter() - self._begun[0]

    @property
    def left_s(self) -> float:
        """What is left of the budget."""
        return self.budget_s * (1 - MARGIN) - self.spent_s

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be begun."""
        return self.left_s < LEAST_S or (self.most > 0 and len(self.pulls) >= self.most)

    def offer(self, x: Floats) -> None:
        """Take a solution for the incumbent if it is better; the score tests it again."""
        objective = self.program.objective(x)
        if not self.dated or objective < self.dated[-1][1] - 1e-9:
            self.best = x
            self.dated.append((self.spent_s, objective))

    def relaxation(self) -> Floats:
        """Return a solution of the LP relaxation, by HiGHS. Counted."""
        return self._highs(relaxed=True, limit_s=self.left_s)

    def scip(self, limit_s: float = math.inf) -> Floats | None:
        """Solve the whole program for `limit_s` at most; every better solution is dated."""
        return self.part(Part(), limit_s, whole=True)

    def highs(self, limit_s: float = math.inf) -> Floats | None:
        """Solve the whole program with HiGHS instead.

        Raises:
            MissingAbility: on the processor's clock; it asks whether to go on once in seconds.
        """
        if self.clock == "cpu":
            raise MissingAbility(
                "HiGHS has no processor clock.", "Leave it out, or run it with --set clock=wall."
            )
        self._highs(relaxed=False, limit_s=min(limit_s, self.left_s))
        return self.best

    def part(self, part: Part, limit_s: float, *, whole: bool = False) -> Floats | None:
        """Solve a part and return its best solution, None if none was found in time.

        A solution of a part with another objective is not offered as an incumbent by itself.
        """
        limit_s = min(limit_s, self.left_s)
        if limit_s < LEAST_S:
            return None
        model, undo = self._prepared(part)
        model.setParam("limits/time", limit_s)
        model.setParam("limits/solutions", 1 if part.first else -1)
        model.setHeuristics(_setting("OFF" if part.first else "DEFAULT"))
        watch = _watched(model, self) if whole else None
        model.optimize()
        x = self._solution(model)
        self.meter["sub_mips"] += 0 if whole else 1
        self.meter["lp_iterations"] += int(model.getNLPIterations())
        self.meter["nodes"] += int(model.getNTotalNodes())
        model.freeTransform()
        undo()
        if watch is not None:
            watch.search = None
        if x is not None and part.cost is None:
            self.offer(x)
        return x

    def end(self) -> "Search":
        """End the search, and read its clocks."""
        self.is_ended = True
        self.ended_s = self.spent_s
        self.waited_s = perf_counter() - self._begun[0]
        self.worked_s = times().user - self._begun[1]
        self._model, self._variables = None, []
        return self

    def outcome(self) -> Outcome:
        """Return what came of it, without the solver."""
        dated = [(float(at), float(objective)) for at, objective in self.dated]
        pulls = [(name, int(result)) for name, result in self.pulls]
        return Outcome(self.best, dated, pulls, self.ended_s, self.waited_s, self.worked_s)

    def _solution(self, model: Any) -> Floats | None:
        if model.getNSols() == 0:
            return None
        found = model.getBestSol()
        x = np.array([model.getSolVal(found, variable) for variable in self._variables])
        x[self.program.whole] = np.round(x[self.program.whole])
        return np.asarray(x, np.float64) if self.program.violation(x) <= FEASIBLE else None

    def _prepared(self, part: Part) -> tuple[Any, Any]:
        """Return the model with a part's changes, and what takes them back."""
        model, program = self._opened(), self.program
        low = program.low if part.low is None else part.low
        high = program.high if part.high is None else part.high
        changed = np.flatnonzero((low != program.low) | (high != program.high))
        for j in changed:
            model.chgVarLb(self._variables[j], float(low[j]))
            model.chgVarUb(self._variables[j], float(high[j]))
        row, slack = self._cut(model, part)
        if part.cost is not None:
            charge = 0.0 if part.slack_cost is None else part.slack_cost
            self._objective(model, part.cost, slack, charge)

        def undo() -> None:
            for j in changed:
                model.chgVarLb(self._variables[j], float(program.low[j]))
                model.chgVarUb(self._variables[j], float(program.high[j]))
            if row is not None:
                model.delCons(row)
            if part.cost is not None:
                self._objective(model, program.cost, None, 0.0)
            if slack is not None:
                model.delVar(slack)

        return model, undo

    def _cut(self, model: Any, part: Part) -> tuple[Any, Any]:
        from pyscipopt import quicksum

        if part.cut is None:
            return None, None
        coefficients, right = part.cut
        slack = None if part.slack_cost is None else model.addVar("slack", lb=0.0)
        terms = [float(coefficients[j]) * self._variables[j] for j in np.flatnonzero(coefficients)]
        left = quicksum(terms) - (slack if slack is not None else 0.0)
        return model.addCons(left <= right), slack

    def _objective(self, model: Any, cost: Floats, slack: Any, slack_cost: float) -> None:
        from pyscipopt import quicksum

        terms = [float(cost[j]) * self._variables[j] for j in np.flatnonzero(cost)]
        if slack is not None:
            terms.append(slack_cost * slack)
        model.setObjective(quicksum(terms), "minimize")

    def _opened(self) -> Any:
        """Return SCIP's model, read at the first need; reading is inside the budget."""
        from pyscipopt import Model

        if self._model is None:
            model = Model()
            model.hideOutput()
            model.readProblem(str(file_of(self.program)))
            model.setParam("timing/clocktype", _SCIP_CLOCK[self.clock])
            # else SCIP keeps solutions from solve to solve and starts the next one from them
            model.setParam("limits/maxorigsol", 0)
            model.setParam("randomization/randomseedshift", self.seed)
            by_name = {variable.name: variable for variable in model.getVars()}
            self._variables = [by_name[f"x{j}"] for j in range(len(self.program.cost))]
            self._model = model
        return self._model

    def _highs(self, *, relaxed: bool, limit_s: float) -> Floats:
        solver = highs(file_of(self.program))
        solver.setOptionValue("random_seed", self.seed)
        solver.setOptionValue("time_limit", max(limit_s, LEAST_S))
        if relaxed:
            solver.setOptionValue("solve_relaxation", True)
        order = [int(solver.getColName(j)[1][1:]) for j in range(solver.getNumCol())]
        if not relaxed:
            solver.cbMipImprovingSolution += lambda event: self._found(event, order)
        solver.run()
        info = solver.getInfo()
        self.meter["lp_iterations"] += max(int(info.simplex_iteration_count), 0)
        self.meter["nodes"] += max(int(info.mip_node_count), 0)
        x = np.zeros(len(order))
        x[order] = np.array(solver.getSolution().col_value)
        if not relaxed:
            x[self.program.whole] = np.round(x[self.program.whole])
            if self.program.violation(x) <= FEASIBLE:
                self.offer(x)
        return x

    def _found(self, event: Any, order: list[int]) -> None:
        x = np.zeros(len(order))
        x[order] = np.array(event.data_out.mip_solution)
        x[self.program.whole] = np.round(x[self.program.whole])
        if self.program.violation(x) <= FEASIBLE:
            self.offer(x)


def _setting(name: str) -> Any:
    import pyscipopt

    return getattr(vars(pyscipopt)["SCIP_PARAMSETTING"], name)


def _watched(model: Any, search: Search) -> Any:
    """Let every better solution of a whole solve be dated when SCIP finds it."""
    import pyscipopt

    better = vars(pyscipopt)["SCIP_EVENTTYPE"].BESTSOLFOUND

    class Watch(pyscipopt.Eventhdlr):
        search: Search | None = None

        def eventinit(self) -> None:
            self.model.catchEvent(better, self)

        def eventexit(self) -> None:
            self.model.dropEvent(better, self)

        def eventexec(self, event: object) -> None:
            if self.search is not None:
                x = self.search._solution(self.model)
                if x is not None:
                    self.search.offer(x)

    watch = Watch()
    watch.search = search
    model.includeEventhdlr(watch, f"dates{id(watch)}", "dates better solutions")
    return watch
