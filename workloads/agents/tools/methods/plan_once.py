"""Plan once: a model names the whole path before anything is called, and the path is carried out as it stands.

    plan      one call of the model, which reads the stages and no result
    before each call   the monitors of the router: a risk, or news that the next tool is down, end the case in a hand-off
    behind a failure   nothing is planned again: the first stage that is missing is declared

**What is simplified.** The small model of this task has no word for a path: it names one tool, reads what came of it, and names the
next. So its path is one decoding in which an `ok` that nobody gave stands behind each name. The names are counted as generated,
each `ok` as read; it is one call, for the model is asked once and hears of no tool. A model that `--model` names writes a
line with all names; a line with anything else in it is no path, and the case is handed off at its first stage.

**What to expect.** Written before measuring: one control call a case, 19 on the paper's set. Complete where nothing fails, 3 of 19; the
rest is declared, and right in 7 of these 16, for nothing could be done there. No silent failure on outages. On subsets 0.1 or less
is complete, since the cheapest path has to be whole.

**Ways to fake it.** A plan that is made with the faults known; a second plan; siblings in the plan, tried in turn.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.tools.substrate.healing_loop import (
    health,
    intent,
    progress,
    risk,
    winner,
)
from adabench.workloads.agents.tools.substrate.routing_session import RoutingSession
from adabench.workloads.agents.tools.substrate.routing_task import RoutingTask
from adabench.workloads.agents.tools.substrate.tool_endpoint import Result
from adabench.workloads.agents.tools.substrate.tool_graph import RoutingCase

CARD = Card(
    title="A path by one call of a model, carried out without another one",
    adapts="nothing: the path is fixed before the first call",
    role="static",
)


def solve(task: RoutingTask, case: RoutingCase, point: Point) -> str:
    """Ask for a path, and walk it up to the first failure."""
    with task.session(case) as session:
        latest: Result | None = None
        for tool in session.choose_path():
            if _is_stopped(session, latest, frozenset((tool,))):
                break
            latest = session.call(tool)
            if latest.status != "ok":
                break
        missing, last = session.missing_stage, len(case.graph.stages) - 1
        if missing > last and not _is_stopped(session, latest, frozenset()):
            session.finish()
        else:
            session.hand_off(min(missing, last))
    return session.report


def _is_stopped(session: RoutingSession, latest: Result | None, ahead: frozenset[str]) -> bool:
    """Ask the monitors whether a person has to go on: by a risk, or since what comes next is known to be down."""
    missing = len(session.graph.stages) - session.missing_stage
    signals = health(session.known_down & ahead), risk(latest), intent(session.case.request)
    return winner(*signals, progress(missing)) in ("health", "risk")
