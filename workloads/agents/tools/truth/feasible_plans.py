"""What can be done in a case at all, told every fault: brute force over the tools of each stage.

A plan calls one tool of each stage along the graph's edges, each as often as it takes. A call that is refused or late
and undone may be made again; a tool that does something else, or whose answer is needed and cannot be read, is in
no plan. Of several plans the one with the fewest calls is returned.
"""

from collections.abc import Iterator

from adabench.workloads.agents.tools.substrate.routing_session import HIGH_AMOUNT
from adabench.workloads.agents.tools.substrate.tool_endpoint import Scene
from adabench.workloads.agents.tools.substrate.tool_graph import GOAL, START, ToolGraph

MOST_TRIES = 8
"""Calls of one tool in a plan."""
Plan = tuple[str, ...]


def needs_person(graph: ToolGraph, scene: Scene) -> bool:
    """Tell whether a person has to decide."""
    is_amount = graph.stages[0].reads and scene.post is None
    return scene.flag_stage >= 0 or (is_amount and scene.record > HIGH_AMOUNT)


def best_plan(graph: ToolGraph, scene: Scene) -> Plan | None:
    """Return the calls of the shortest plan; None where nothing leads to the goal."""
    if needs_person(graph, scene):
        return None
    found = min(_plans(graph, scene, 0, START, ()), key=len, default=None)
    return found


def _plans(graph: ToolGraph, scene: Scene, stage: int, node: str, done: Plan) -> Iterator[Plan]:
    if stage == len(graph.stages):
        yield done
        return
    if stage == 0 and graph.covers:
        yield from _covering(graph, scene)
        return
    ends = graph.successors[node]
    for tool in graph.by_cost(stage):
        tries = _tries(scene, tool, done, stage == len(graph.stages) - 1) if tool in ends else 0
        if tries and (stage < len(graph.stages) - 1 or GOAL in graph.successors[tool]):
            yield from _plans(graph, scene, stage + 1, tool, (*done, *[tool] * tries))


def _covering(graph: ToolGraph, scene: Scene) -> Iterator[Plan]:
    """Yield the plans that begin with as many readers as are asked for, the easiest ones."""
    tries = {tool: _tries(scene, tool, (), False) for tool in graph.by_cost(0)}
    easy = sorted((tool for tool in tries if tries[tool]), key=lambda tool: tries[tool])
    if len(easy) >= graph.quorum:
        first = easy[: graph.quorum]
        calls = tuple(tool for tool in first for _ in range(tries[tool]))
        yield from _plans(graph, scene, 1, first[-1], calls)


def _tries(scene: Scene, tool: str, done: Plan, is_last: bool) -> int:
    """Return how often a tool is to be called until it has worked; 0: it never does, or not as it should."""
    for contact in range(MOST_TRIES):
        fault = scene.schedule.fault(tool, contact, frozenset(done))
        if fault is None or fault.kind == "slow":
            return contact + 1
        if fault.kind == "malformed" and is_last:
            return contact + 1
        if fault.kind == "wrong_data":
            return 0
    return 0
