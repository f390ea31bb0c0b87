"""Answers at once: the mode `dir` is forced, and the policy states the answer.

The cheapest setting. No tool is called and nothing is worked out.

**What to expect.** Written before measuring: one operation nearly always right, two or more at chance or
little above (0.1 to 0.2), facts never (0.02 at most: a gate of the policy).

**Ways to fake it.** Facts in the weights.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(title="Answers at once", adapts="nothing", role="static", tasks=("lookup",))


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return the answer that is stated at once."""
    with task.session(question) as session:
        seq = session.begin("dir")
        session.finish([seq], temperature=0.0)
        session.offer(seq.completion)
    return session.best
