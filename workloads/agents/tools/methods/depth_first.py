"""Depth-first search on the graph: the cheapest edge first, by real calls, and back up where nothing is left.

    node        of its successors, from the cheapest edge on, the first that was not called yet is called
    it worked   the search goes on from it; a tool that changed the world is a cut: nothing before it is searched again
    it failed   the next successor of the same node; where none is left, the search backs up to the node before
    all tried   the case is handed off with the first stage that is missing

Each tool is called once at most, so a search ends behind as many calls as the graph has tools. No model and no monitor is
asked; a risk that a result shows ends it. A goal that covers the first stage calls each of its tools first.

**Stages.** A search may back up over stages that only read: another reader may lead where the first one did not. Behind a change it
may not, for the sibling of a stage that is done would do it a second time. So it can miss a goal that another way at
the start would have reached, and hands off.

**What to expect.** Written before measuring: what the loop over siblings does, case by case, on outages: in these graphs each tool
leads to every one of the next stage, so nothing is gained by going back. Where a stage behind readers is dead it
calls the other readers for nothing: some calls more on the subsets, none on the paper's scenarios. Only on a graph in
which tools lead to different ones does it complete what the loop cannot. A `lost` answer is done twice, as there.

**Ways to fake it.** A search on paper, with the faults known; calls of the way that failed left out of the count.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.tools.substrate.routing_session import RoutingSession, is_risky
from adabench.workloads.agents.tools.substrate.routing_task import RoutingTask
from adabench.workloads.agents.tools.substrate.tool_graph import GOAL, START, RoutingCase

CARD = Card(
    title="Depth-first search on the graph, by real calls",
    adapts="nothing",
    role="static",
)


def solve(task: RoutingTask, case: RoutingCase, point: Point) -> str:
    """Search, and declare what came of it."""
    with task.session(case) as session:
        if reaches_goal(session):
            session.finish()
        else:
            session.hand_off(min(session.missing_stage, len(case.graph.stages) - 1))
    return session.report


def reaches_goal(session: RoutingSession) -> bool:
    """Search from START on; return whether the goal was reached before everything was tried."""
    graph, ends = session.graph, session.graph.successors
    tried, path = set[str](), [START]
    while path:
        node = path[-1]
        if graph.covers and not tried.issuperset(ends[START]):
            node = START
        elif graph.covers and session.missing_stage == 0:
            return False  # too few readers have worked, and there is no other
        if GOAL in ends[node]:
            return True
        by_cost = sorted(ends[node], key=ends[node].__getitem__)
        tool = next((end for end in by_cost if end not in tried), None)
        if tool is None:
            path.pop()
            continue
        tried.add(tool)
        result = session.call(tool)
        if is_risky(result):
            return False
        if result.status == "ok":
            path = [*path, tool] if graph.stages[graph.stage_of[tool]].reads else [tool]
    return False
