"""Oracle: the first right answer of independent episodes. Drawn dotted.

Episodes run until one is right or the calls are gone: what choosing among them could gain at most.

**What to expect.** Written before measuring, from a prototype: above 0.9 with the calls of eight episodes; much
of it by luck, since each episode chooses at random at every pair of rows.

**Ways to fake it.** Reporting it as a method.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_task import GradedAgentTask
from adabench.workloads.agents.substrate.episode_pool import episodes
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="Oracle: the first right episode",
    adapts="which episode is returned, told which is right",
    role="oracle",
    oracle="bound",
    wins_by_luck=True,
    conditions={"kinds": "kb4", "delay": 2},
    knobs=(Knob("B", (6, 12, 24), 12, open=True, low=1),),
)


def solve(task: GradedAgentTask, question: Question, point: Point) -> Ids:
    """Return the first right episode, else the first of all."""
    with task.session(question, calls=int(point["B"])) as session:
        for count, seq in enumerate(episodes(session)):
            is_right = task.credit(question, seq.completion)
            if is_right or count == 0:
                session.offer(seq.completion)
            if is_right:
                break
    return session.best
