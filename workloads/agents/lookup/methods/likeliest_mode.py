"""Oracle: the mode that is right most often on other draws of the same question. Drawn dotted.

Each mode answers several times by drawn words, in sessions whose costs nobody counts. The one that is right most often, the
cheapest of equals, answers once more, greedily: that is its answer and its cost. So it knows how often a mode is right here,
rows and faults of this world included, and nothing of whether the answer that counts is: no try of several wins by luck.

**What to expect.** Written before measuring: 0.86, above the table by kind, since it sees which questions have a row to choose.

**Ways to fake it.** Choosing on the very episode that counts; reporting it as a method.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_session import MODE_NAMES
from adabench.workloads.agents.substrate.agent_task import GradedAgentTask
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="Oracle: the mode that is right most often on other draws",
    adapts="in which mode a question is answered, told how often each is right",
    role="oracle",
    oracle="bound",
    knobs=(Knob("draws", (8,), 8, open=True, low=1),),
)


def solve(task: GradedAgentTask, question: Question, point: Point) -> Ids:
    """Return what the mode answers that is right most often on other draws."""
    rights = right_by_mode(task.aside(question), question, int(point["draws"]))
    with task.session(question) as session:
        seq = session.begin(max(MODE_NAMES, key=lambda mode: rights[mode]))
        session.finish([seq], temperature=0.0)
        session.offer(seq.completion)
    return session.best


def right_by_mode(task: GradedAgentTask, question: Question, draws: int) -> dict[str, int]:
    """Return by mode, from the cheapest on, how many of its drawn episodes are right."""
    found = {}
    with task.session(question) as session:
        for mode in MODE_NAMES:
            seqs = session.fork(session.begin(mode), draws)
            session.finish(seqs, temperature=1.0)
            found[mode] = sum(task.credit(question, seq.completion) for seq in seqs)
    return found
