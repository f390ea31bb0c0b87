"""Doing nothing: each case goes to a person at once, and no tool is called.

What this meets too says nothing of a method that works: no failure is silent where nothing is tried, and nothing is done twice.

**What to expect.** Written before measuring: silent nowhere, complete nowhere, missed wherever a case could be completed; no call of a
tool and none of a model.

**Ways to fake it.** Calling a tool first.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.tools.substrate.routing_task import RoutingTask
from adabench.workloads.agents.tools.substrate.tool_graph import RoutingCase

CARD = Card(
    title="A hand-off before the first call",
    adapts="nothing",
    role="control",
    idle=True,
)


def solve(task: RoutingTask, case: RoutingCase, point: Point) -> str:
    """Hand the case off."""
    with task.session(case) as session:
        session.hand_off(0)
    return session.report
