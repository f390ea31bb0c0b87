"""A2FM without its adaptive reward: a right answer earns the same in every mode.

The ablation of A2FM: same questions, episodes and updates, another reward. What the adaptive term is for must
show against it.

**What to expect.** Written before measuring: accuracy as with it; single operations stay where the traces sent
them, mostly to a chain.

**Ways to fake it.** Fewer updates than A2FM has.
"""

from adabench.harness.contract.card import Ability, Card, Point
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="The policy's own first word, without an adaptive reward",
    paper="the ablation of A2FM, arXiv 2510.12838",
    adapts="in which mode a question is answered, by the policy's own first word",
    signal=("agents.substrate.agent_session:AgentSession.own_mode",),
    fidelity="reconstructed",
    abilities=(Ability("modes"),),
)


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return a greedy episode in the mode of the policy's own choice."""
    with task.session(question, "flat") as session:
        seq = session.begin_by_itself()
        session.finish([seq], temperature=0.0)
        session.offer(seq.completion)
    return session.best
