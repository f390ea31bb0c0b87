"""A die over the tools that are not down: the control of routers that compute a path.

The loop, monitors, breaker, stages, retries and escalation are those of the router; of the tools of the next stage that an edge
leads to, a die takes one. What a shortest path is worth must show against it.

**What to expect.** Written before measuring: as many control calls, as many cases completed, no silent failure; with tools down
as many calls of tools, and dearer ones.

**Ways to fake it.** A die that knows what is down.
"""

import math

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.tools.substrate.healing_loop import HealingLoop, Standing
from adabench.workloads.agents.tools.substrate.routing_session import RoutingSession
from adabench.workloads.agents.tools.substrate.routing_task import RoutingTask
from adabench.workloads.agents.tools.substrate.tool_graph import START, RoutingCase
from adabench.workloads.shared.language_model.contract import mix

CARD = Card(
    title="A die over the tools that are not down",
    adapts="the next tool, by a die",
    role="control",
)
_DIE = 0xD1E


def solve(task: RoutingTask, case: RoutingCase, point: Point) -> str:
    """Work on a case, tool by tool."""
    with task.session(case) as session:
        HealingLoop(session, throw).run()
    return session.report


def throw(session: RoutingSession, standing: Standing) -> str | None:
    """Return one of the tools that come next and are not down."""
    node = standing.worked[-1] if standing.worked else START
    weights = standing.weights.weights
    live = [end for end in session.graph.successors[node] if weights[node, end] < math.inf]
    throws = len(standing.worked) + len(standing.weights.down)
    return live[mix(_DIE, session.case.reference, throws) % len(live)] if live else None
