"""A2FM's policy with one mode forced upon every question: what its own choice is held against.

The same weights as A2FM's, whatever its rewards did to them. Its paper has three modes; `chk`, tools with a
way back, is one that A2FM's training leaves out.

**What to expect.** Written before measuring: each mode within a few points of those modes of the
policy that it went on from.

**Ways to fake it.** Other weights than A2FM's.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="A2FM's policy, forced into one mode",
    adapts="nothing",
    role="static",
    abilities=(Ability("modes"),),
    knobs=(Knob("mode", ("act", "cot", "dir"), "act", also=("chk",)),),
)


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return a greedy episode in the forced mode."""
    with task.session(question, "apo") as session:
        seq = session.begin(str(point["mode"]))
        session.finish([seq], temperature=0.0)
        session.offer(seq.completion)
    return session.best
