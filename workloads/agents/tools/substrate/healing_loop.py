"""The loop of a router that heals itself: monitors, a choice of the next tool, recovery, escalation.

    health    0.99 if a tool went down that no weight knows of yet, else 0.10      -> write weights anew
    risk      0.95 above an amount, 0.85 with a flag, else 0.20                    -> escalate
    intent    0.90 if the request asks for something else, else 0.30               -> go on
    progress  0.50 while stages are missing, else 0.10                             -> go on

Before each call the monitor of highest priority wins. In the paper health stays at 0.99 as long as anything is down, so an
outage hides every risk; here it is news once. Who runs the loop chooses the next tool; behind a failure the weights of
that tool are written. Without a path, after more than `retries` failures in a row, or at a risk the model is asked.

A choice begins at the tool that worked last and leads along an edge, so no sibling of a stage that is done is entered. A
call that was late may have been carried out: it is made again at the same tool, which knows it, until the breaker opens.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from adabench.workloads.agents.tools.substrate.edge_weights import EdgeWeights, WeightModel
from adabench.workloads.agents.tools.substrate.routing_session import HIGH_AMOUNT, RoutingSession
from adabench.workloads.agents.tools.substrate.tool_endpoint import Result
from adabench.workloads.agents.tools.substrate.tool_graph import GOAL, START

Monitor = Literal["health", "risk", "intent", "progress"]
OTHER_INTENTS = frozenset(("cancel", "complain", "human"))


class Signal(NamedTuple):
    """What a monitor says."""

    priority: float
    monitor: Monitor


def health(news: frozenset[str]) -> Signal:
    """Say how urgent it is that tools went down."""
    return Signal(0.99 if news else 0.10, "health")


def risk(latest: Result | None) -> Signal:
    """Say how urgent it is that a person decides, by what the latest call returned."""
    if latest is not None and (latest.value or 0) > HIGH_AMOUNT:
        return Signal(0.95, "risk")
    return Signal(0.85 if latest is not None and latest.flags else 0.20, "risk")


def intent(request: str) -> Signal:
    """Say how urgent it is that the request asks for something else."""
    return Signal(0.90 if OTHER_INTENTS & set(request.lower().split()) else 0.30, "intent")


def progress(missing: int) -> Signal:
    """Say how urgent it is to go on."""
    return Signal(0.50 if missing else 0.10, "progress")


def winner(*signals: Signal) -> Monitor:
    """Return the monitor with the highest priority; the first of equals."""
    return max(signals, key=lambda signal: signal.priority).monitor


MOST_ESCALATIONS = 3
PROBES = 3
"""Of a tool that is open, before a hand-off."""


@dataclass(frozen=True)
class Standing:
    """Where a case stands, as a choice sees it."""

    weights: EdgeWeights
    worked: tuple[str, ...]
    """Tools that have worked, in their order."""
    stage: int
    """The first stage that is missing."""


Choose = Callable[[RoutingSession, Standing], str | None]
"""What names the next tool: None where no path is left, GOAL where nothing is missing."""


@dataclass
class HealingLoop:
    """A loop over one session."""

    session: RoutingSession
    choose: Choose
    model: WeightModel = "static"
    retries: int = 3
    resumes: bool = True
    """Whether an outage of a tool that has done its work is no news: nothing goes back to it."""

    def run(self) -> None:
        """Work on the case until it is done or handed off."""
        session = self.session
        self._weights, self._worked = EdgeWeights(session.graph, self.model), list[str]()
        self._failures = self._escalations = 0
        self._latest: Result | None = None
        self._unanswered: str | None = None
        self._probes: dict[str, int] = {}
        while True:
            if self._winner() == "risk":
                session.choose()  # a person decides whatever the model says; it is asked, as in the paper
                return self._hand_off()
            tool = self._next()
            if tool == GOAL:
                return session.finish()
            if tool is None or self._failures > self.retries:
                tool = self._escalate()
                if tool is None:
                    return self._hand_off()
            self._call(tool)

    def _winner(self) -> str:
        """Ask the monitors; news of outages are written into the weights at once."""
        session = self.session
        while True:
            done = set(self._worked) if self.resumes else set()
            news = session.known_down - self._weights.down - done
            missing = len(session.graph.stages) - session.missing_stage
            found = winner(
                health(news), risk(self._latest), intent(session.case.request), progress(missing)
            )
            if found != "health":
                return found
            for tool in news:
                self._weights.drop(tool)

    def _next(self) -> str | None:
        """Return the tool that is next; open tools of the stage are probed where no path is left."""
        if self._unanswered is not None and self._unanswered not in self._weights.down:
            return self._unanswered
        reader = self._next_reader()
        if reader is not None:
            return reader
        while True:
            standing = Standing(self._weights, tuple(self._worked), self.session.missing_stage)
            tool = self.choose(self.session, standing)
            if tool is not None or self.model == "static" or not self._probe(standing.stage):
                return tool

    def _next_reader(self) -> str | None:
        """Return the next tool of a first stage that is to be covered; None: it is covered, or cannot be."""
        graph = self.session.graph
        if not graph.covers or any(graph.stage_of[tool] > 0 for tool in self._worked):
            return None
        left = (tool for tool in graph.by_cost(0) if tool not in self._worked)
        return next((tool for tool in left if tool not in self._weights.down), None)

    def _probe(self, stage: int) -> bool:
        """Probe the open tools of the missing stages; return whether one of them is well."""
        graph = self.session.graph
        for place in range(stage, len(graph.stages)):
            for tool in graph.by_cost(place):
                while tool in self._weights.down and self._probes.get(tool, 0) < PROBES:
                    self._probes[tool] = self._probes.get(tool, 0) + 1
                    if self.session.probe(tool):
                        self._weights.restore(tool)
                        return True
        return False

    def _escalate(self) -> str | None:
        """Ask the model; return the tool that it names if the stage admits it, else None."""
        self._failures = 0
        self._escalations += 1
        if self._escalations > MOST_ESCALATIONS:
            return None
        step = self.session.choose()
        if step.verb == "corrected":
            return self._escalate()
        graph, stage = self.session.graph, self.session.missing_stage
        if step.verb != "call" or graph.stage_of[step.tool] != stage:
            return None
        before = [tool for tool in self._worked if graph.stage_of[tool] == stage - 1] or [START]
        return step.tool if any(step.tool in graph.successors[one] for one in before) else None

    def _call(self, tool: str) -> None:
        began_s = time.perf_counter()
        result = self.session.call(tool)
        self._weights.hear(tool, result, time.perf_counter() - began_s)
        self._unanswered = tool if result.status == "late" else None
        if result.status == "ok":
            self._failures, self._latest = 0, result
            self._worked.append(tool)
        else:
            self._failures += 1

    def _hand_off(self) -> None:
        last = len(self.session.graph.stages) - 1
        self.session.hand_off(min(self.session.missing_stage, last))
