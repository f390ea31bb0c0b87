"""The next tool of the same stage where one fails: a loop of ten lines, without graph, monitor or model.

**What to expect.** Written before measuring: on outages as many cases completed as the router, no silent failure, and no call of a model
at all, for it hands off by itself. A `lost` answer is its weak point: the sibling does the work a second time.

**Ways to fake it.** Trying tools that are known to be down.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.tools.substrate.routing_session import is_risky
from adabench.workloads.agents.tools.substrate.routing_task import RoutingTask
from adabench.workloads.agents.tools.substrate.tool_graph import RoutingCase

CARD = Card(
    title="The next tool of the stage where one fails",
    adapts="nothing",
    role="static",
)


def solve(task: RoutingTask, case: RoutingCase, point: Point) -> str:
    """Try the tools of each stage in turn."""
    with task.session(case) as session:
        for stage in range(len(case.graph.stages)):
            for tool in case.graph.by_cost(stage):
                result = session.call(tool)
                if session.missing_stage > stage or is_risky(result):
                    break
            if session.missing_stage <= stage or is_risky(result):
                session.hand_off(min(session.missing_stage, len(case.graph.stages) - 1))
                break
        else:
            session.finish()
    return session.report
