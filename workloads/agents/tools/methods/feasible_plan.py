"""The shortest plan that works, told every fault of the case. An oracle, drawn dotted.

Brute force over the tools of each stage finds the plan with the fewest calls; where none leads to the goal, or a person
has to decide, the case is handed off at once.

**What to expect.** Written before measuring: every case correct, with one call a stage in almost all of them.

**Ways to fake it.** Reporting it as a method.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.tools.substrate.routing_task import GradedRoutingTask
from adabench.workloads.agents.tools.substrate.tool_graph import RoutingCase

CARD = Card(
    title="Oracle: the shortest plan that works",
    adapts="which tools are called, told every fault",
    role="oracle",
    oracle="exact",
)


def solve(task: GradedRoutingTask, case: RoutingCase, point: Point) -> str:
    """Carry out the plan."""
    calls, stage = task.plan(case)
    with task.session(case) as session:
        for tool in calls:
            session.call(tool)
        if stage < 0:
            session.finish()
        else:
            session.hand_off(stage)
    return session.report
