"""The same static workflow, which looks at the world before it says that it is done: the cheap fix.

Each stage is looked up once at the end; where one left nothing, or something else than its tools said, the case is handed off
from there.

**What to expect.** Written before measuring: no silent failure on outages, with no model at all and three or four looks a case. Wrong
data stay silent: what a tool says of itself is what stands in the world.

**Ways to fake it.** Looks that are not counted; a look that knows what is right.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.tools.substrate.fallback_workflow import run_workflow
from adabench.workloads.agents.tools.substrate.routing_case import RoutingCase
from adabench.workloads.agents.tools.substrate.routing_task import RoutingTask

CARD = Card(
    title="A static workflow with fallbacks that looks before it says done",
    adapts="nothing",
    role="static",
)


def solve(task: RoutingTask, case: RoutingCase, point: Point) -> str:
    """Run the workflow, and look."""
    with task.session(case) as session:
        run_workflow(session, checks=True)
    return session.report
