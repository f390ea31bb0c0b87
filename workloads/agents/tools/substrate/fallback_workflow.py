"""A static workflow with a map of fallbacks: one alternative a tool, and no other plan.

The first tool of each stage is called; where it fails, the one that the map names, once. A failure that something else
needs ends in a hand-off. A failure of the last stage is logged and forgotten, as in the paper: nothing needs its answer.
"""

from adabench.workloads.agents.tools.substrate.routing_session import RoutingSession, is_risky
from adabench.workloads.agents.tools.substrate.tool_endpoint import Result

_PAIRS = "stripe razorpay, email sms, flight train, hotel hostel, car bus, text image, auto human"
FALLBACKS = {
    one: other
    for pair in _PAIRS.split(", ")
    for one, other in (tuple(pair.split()), tuple(reversed(pair.split())))
}


def run_workflow(session: RoutingSession, *, checks: bool) -> None:
    """Work on a case; with `checks` what stands in the world is looked at before it is declared to be done."""
    graph = session.graph
    for stage in range(len(graph.stages)):
        tools = graph.by_cost(stage) if graph.covers and stage == 0 else graph.by_cost(stage)[:1]
        for result in [_attempt(session, tool) for tool in tools]:
            if result.status == "ok" and is_risky(result):
                return session.hand_off(session.missing_stage)
        if session.missing_stage <= stage < len(graph.stages) - 1:
            return session.hand_off(session.missing_stage)
    lacking = [stage for stage in range(len(graph.stages)) if checks and not session.check(stage)]
    return session.hand_off(lacking[0]) if lacking else session.finish()


def _attempt(session: RoutingSession, tool: str) -> Result:
    """Call a tool, and its fallback if it fails."""
    result = session.call(tool)
    if result.status != "ok" and tool in FALLBACKS:
        return session.call(FALLBACKS[tool])
    return result
