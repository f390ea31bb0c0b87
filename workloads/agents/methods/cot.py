"""Chain of thought: the mode `cot` is forced, and the policy writes every step itself.

No tool is called: what a step needs to know the policy must know.

**What to expect.** Written before measuring: sums of up to four operations 0.8 to 1.0, facts never.

**Ways to fake it.** Facts in the weights; a chain whose results a calculator writes.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(title="Chain of thought", adapts="nothing", role="static", tasks=("lookup",))


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return the completion of a chain of thought."""
    with task.session(question) as session:
        seq = session.begin("cot")
        session.finish([seq], temperature=0.0)
        session.offer(seq.completion)
    return session.best
