"""A table by kind: the mode that scored best on training questions of the kind that the prompt shows.

Family and size can be read off a question: its start, its signs, the markers of its hops. For each of the eight kinds
the table has the mean score of each mode, by the scores that PRISM's adapter learns from, on the same training
stream. Nothing is learned, and no state of the policy is read: what a router gains must show against it.

**What to expect.** Written before measuring: 0.83, single operations at once, longer sums in a chain, facts mostly by `chk`.

**Ways to fake it.** A table of the scored questions; a kind that is told, where it has to be read off the prompt.
"""

import numpy as np

from adabench.harness.contract.card import Ability, Card, Point
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_session import MODE_NAMES
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="A table of modes by kind of question",
    paper="our own: what routers are held against",
    adapts="in which mode a question is answered, by its kind",
    abilities=(Ability("strategies"),),
)


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return a greedy episode in the mode of the question's kind."""
    with task.session(question) as session:
        seq = session.begin(MODE_NAMES[int(np.argmax(session.kind_scores()))])
        session.finish([seq], temperature=0.0)
        session.offer(seq.completion)
    return session.best
