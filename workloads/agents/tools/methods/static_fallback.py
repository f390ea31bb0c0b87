"""A static workflow with a map of fallbacks, as the paper has it: one alternative a tool.

What is in the map is the paper's: stripe and razorpay, email and SMS, flight and train, hotel and hostel, car and bus, text and image,
auto and human. The first tool of each stage is called; where it fails, the one that the map names, once. A failure that
something else needs ends in a hand-off; one of the last stage is logged and forgotten: nothing needs its answer.

**What to expect.** Written before measuring: silent on S6, S7 and T6, which is 3 of 19; the paper counts 16 of 19 as right, since it
takes every crash for one. On subsets a fifth of the cases is silent: those in which only the last stage is dead.

**Ways to fake it.** A map that knows the scenarios.
"""

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.agents.tools.substrate.routing_session import RoutingSession, is_risky
from adabench.workloads.agents.tools.substrate.routing_task import RoutingTask
from adabench.workloads.agents.tools.substrate.tool_endpoint import Result
from adabench.workloads.agents.tools.substrate.tool_graph import RoutingCase

CARD = Card(
    title="A static workflow with fallbacks",
    adapts="nothing",
    role="static",
    fixed={"checks": False},
    variants=(
        Variant(
            "static_checked",
            "A static workflow with fallbacks that looks before it says done",
            {"checks": True},
            role="static",
            adapts="nothing",
            essay="""The same static workflow, which looks at the world before it says that it is done: the cheap fix.

            Each stage is looked up once at the end; where one left nothing, or something else than its tools said, the case is handed off
            from there.

            **What to expect.** Written before measuring: no silent failure on outages, with no model at all and three or four looks a case. Wrong
            data stay silent: what a tool says of itself is what stands in the world.

            **Ways to fake it.** Looks that are not counted; a look that knows what is right.
            """,
        ),
    ),
)
_PAIRS = "stripe razorpay, email sms, flight train, hotel hostel, car bus, text image, auto human"
FALLBACKS = {
    one: other
    for pair in _PAIRS.split(", ")
    for one, other in (tuple(pair.split()), tuple(reversed(pair.split())))
}


def solve(task: RoutingTask, case: RoutingCase, point: Point) -> str:
    """Run the workflow."""
    with task.session(case) as session:
        run_workflow(session, checks=bool(point["checks"]))
    return session.report


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
