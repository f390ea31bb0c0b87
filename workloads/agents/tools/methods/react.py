"""ReAct: a model names every call, reads what came of it, and says when it is done or hands off.

The model is a small one that was trained on walks over other graphs (`training/`) and passes gates: 0.98 of held-out graphs without
a fault walked to their end, 0.90 with one tool down. It reads the stages, their tools from the cheapest on, and every
call so far with its result. One choice is one call of the model. A model that `--model` names reads the same in English; an
answer that it writes in another form than it was told costs a call, and it is told once more.

**What is simplified.** It writes no thoughts between calls, so it needs fewer of them than the paper's: one a call, and one at
the end. What it says at last ("done") is counted as an answer and not as control.

**What to expect.** Written before measuring: as many completed as the router, or one in a hundred fewer; 83 control calls where
the paper counts 123. `late` was kept out of its training: there it may loop, or call a sibling, and repeat what was done.

**Ways to fake it.** A loop that counts calls and is always right; a model that is told what is down.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.tools.substrate.routing_task import RoutingTask
from adabench.workloads.agents.tools.substrate.tool_graph import RoutingCase

CARD = Card(
    title="ReAct: a model in every step",
    paper="ReAct, arXiv 2210.03629, by a small model of ours; the rival of Self-Healing Router",
    adapts="the next tool, chosen by a model that reads every result",
)
MOST_STEPS = 30
"""After which an agent stops and says so."""


def solve(task: RoutingTask, case: RoutingCase, point: Point) -> str:
    """Let the model work on a case."""
    with task.session(case) as session:
        for _ in range(MOST_STEPS):
            step = session.choose()
            if step.verb == "corrected":
                continue
            if step.verb != "call":
                break
            session.call(step.tool)
        if step.verb == "done":
            session.finish()
        else:
            session.hand_off(min(session.missing_stage, len(case.graph.stages) - 1))
    return session.report
