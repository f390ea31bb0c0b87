"""Independent episodes with BAVT's critic: the first answer that it is sure of, or the surest.

No tree: after each episode the policy's critic looks up the type of its answer and says how sure it is. What a
tree gains must show against it, not against a vote.

**What to expect.** Written before measuring, from a prototype: on four hops 0.50 at 12 calls and 0.61 at 30,
with half of the calls of a vote.

**Ways to fake it.** A critic whose look-up is not counted.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.agents.substrate.episode_pool import episodes
from adabench.workloads.agents.substrate.value_tree import judged
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="Independent episodes and a critic",
    adapts="nothing: episodes until the critic is sure, or the calls of tools are made",
    role="static",
    conditions={"kinds": "kb4", "delay": 2},
    knobs=(
        Knob("B", (6, 12, 24), 12, open=True, low=1),
        Knob("accept", (0.9,), 0.9, open=True, low=0.0, high=1.0),
    ),
)


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return the first answer that the critic is sure of, or the surest."""
    with task.session(question, calls=int(point["B"])) as session:
        best = -1.0
        for seq in episodes(session):
            if best <= 0:
                session.offer(seq.completion)
            sure = judged(session, seq)
            if sure > best:
                best = sure
                session.offer(seq.completion)
            if sure >= float(point["accept"]):
                break
    return session.best
