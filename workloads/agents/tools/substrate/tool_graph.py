"""Graphs of tools: stages in their order, the tools of each, what a step costs; and a request with its graph.

    START -> lookup -> {stripe 1, razorpay 2} -> {email 1, sms 2} -> GOAL

An edge leads from a tool to one of the next stage. A tool of a stage stands in for the others of it; where a goal
covers a stage (`branches`), each of its tools is to be called, and `quorum` of them must have worked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from adabench.harness.errors import SelectionError
from adabench.workloads.agents.tools.substrate.choice_words import STAGES, TOOLS

Structure = Literal["linear", "dag", "fanout"]
START, GOAL = "START", "GOAL"
Edge = tuple[str, str, float]


@dataclass(frozen=True)
class Stage:
    """One step of a task: what it produces, and the tools that can."""

    title: str
    tools: tuple[str, ...]
    reads: bool = False
    """Whether its tools only look something up, so that calling two of them leaves nothing behind."""


@dataclass(frozen=True)
class ToolGraph:
    """The tools of a domain, as every method is given them."""

    domain: str
    structure: Structure
    stages: tuple[Stage, ...]
    edges: tuple[Edge, ...]
    covers: bool = False
    """Whether the goal asks for every tool of the first stage."""
    quorum: int = 1
    """How many of these must have worked."""

    def __post_init__(self) -> None:
        """Refuse what is no graph.

        Raises:
            SelectionError: saying what is wrong with it.
        """
        _refuse_bad_stages(self)
        stage_of = {START: -1, GOAL: len(self.stages), **self.stage_of}
        for start, end, cost in self.edges:
            if stage_of.get(end, -9) - stage_of.get(start, 9) != 1 or cost < 0:
                raise SelectionError(
                    f"The edge {start}-{end} of {self.domain} does not lead from a tool to one of the next stage.",
                    "Name tools of neighbouring stages, START before the first and GOAL behind the last, "
                    "with a cost of 0 or more.",
                )

    @property
    def stage_of(self) -> Mapping[str, int]:
        """Return the place of each tool's stage."""
        return {tool: place for place, stage in enumerate(self.stages) for tool in stage.tools}

    @property
    def tools(self) -> tuple[str, ...]:
        """Return all tools, by stages."""
        return tuple(tool for stage in self.stages for tool in stage.tools)

    @property
    def successors(self) -> Mapping[str, Mapping[str, float]]:
        """Return by node what it leads to, and at which cost."""
        found: dict[str, dict[str, float]] = {node: {} for node in (START, *self.tools, GOAL)}
        for start, end, cost in self.edges:
            found[start][end] = cost
        return found

    def by_cost(self, stage: int) -> tuple[str, ...]:
        """Return the tools of a stage, from the one that is cheapest to come to."""
        into = {tool: min((c for _, end, c in self.edges if end == tool), default=0.0)
                for tool in self.stages[stage].tools}  # fmt: skip
        return tuple(
            sorted(into, key=lambda tool: (into[tool], self.stages[stage].tools.index(tool)))
        )

    def with_cover(self, quorum: int) -> "ToolGraph":
        """Return it with a goal that asks for every tool of its first stage, if it fans out."""
        if self.structure != "fanout":
            return self
        most = min(quorum, len(self.stages[0].tools))
        return ToolGraph(self.domain, self.structure, self.stages, self.edges, True, most)


def layered(
    domain: str, structure: Structure, stages: Sequence[Stage], costs: Mapping[str, float]
) -> ToolGraph:
    """Return a graph in which every tool leads to every one of the next stage, at the cost of that one."""
    layers = [(START,), *(stage.tools for stage in stages)]
    edges = [
        (start, end, costs.get(end, 1.0))
        for before, stage in zip(layers, stages, strict=False)
        for start in before
        for end in stage.tools
    ]
    last = stages[-1].tools if stages else ()
    return ToolGraph(domain, structure, tuple(stages), (*edges, *((t, GOAL, 0.0) for t in last)))


def _refuse_bad_stages(graph: ToolGraph) -> None:
    names: Iterable[str] = [tool for stage in graph.stages for tool in stage.tools]
    if not graph.stages or any(not stage.tools for stage in graph.stages):
        raise SelectionError(
            f"The graph of {graph.domain or 'tools'} is empty, or one of its stages is.",
            "Give every stage a tool at least.",
        )
    if len(set(names)) < len(list(names)) or {START, GOAL} & set(names):
        raise SelectionError(
            f"The graph of {graph.domain} names a tool twice, or calls one START or GOAL.",
            "Give each tool a name of its own.",
        )
    if len(graph.stages) > STAGES or len(list(names)) > TOOLS:
        raise SelectionError(
            f"The graph of {graph.domain} has {len(graph.stages)} stages and {len(list(names))} tools.",
            f"At most {STAGES} stages and {TOOLS} tools can be put into words for the model.",
        )


@dataclass(frozen=True)
class RoutingCase:
    """One request and the graph of tools for it."""

    index: int
    group: str
    graph: ToolGraph
    request: str
    reference: int
    """What the first tool is called with."""
    numbers: tuple[int, ...]
    """By tool, in the graph's order: its number in the model's words."""


class NextStep(NamedTuple):
    """What the model says: a call of a tool, the end, a hand-off, or nothing that can be read.

    Behind an `unreadable` answer the same words would be read again; behind a `corrected` one the model is told how
    to write, and may be asked once more.
    """

    verb: Literal["call", "done", "hand_off", "unreadable", "corrected"]
    tool: str = ""
