"""A static workflow with a map of fallbacks, as the paper has it: one alternative a tool.

What is in the map is the paper's: stripe and razorpay, email and SMS, flight and train, hotel and hostel, car and bus, text and image,
auto and human. A failure that something else needs ends in a hand-off; one of the last stage is logged and forgotten.

**What to expect.** Written before measuring: silent on S6, S7 and T6, which is 3 of 19; the paper counts 16 of 19 as right, since it
takes every crash for one. On subsets a fifth of the cases is silent: those in which only the last stage is dead.

**Ways to fake it.** A map that knows the scenarios.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.tools.substrate.fallback_workflow import run_workflow
from adabench.workloads.agents.tools.substrate.routing_case import RoutingCase
from adabench.workloads.agents.tools.substrate.routing_task import RoutingTask

CARD = Card(
    title="A static workflow with fallbacks",
    adapts="nothing",
    role="static",
)


def solve(task: RoutingTask, case: RoutingCase, point: Point) -> str:
    """Run the workflow."""
    with task.session(case) as session:
        run_workflow(session, checks=False)
    return session.report
