"""All four modes, and a vote: the ensemble that PRISM is held against.

Each mode answers once, greedily, from one prompt. The answer stated most often wins; of equals that of the dearest mode, which
is right most often when it is alone. Declared failures have no vote.

**What to expect.** Written before measuring: 0.82, since modes that cannot answer a question scatter, at twice the bill of tools.

**Ways to fake it.** Running the modes one by one and stopping at a right answer.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_session import MODE_NAMES
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.agents.substrate.episode_pool import elected
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="All four modes and a vote",
    paper="the ensemble baseline of PRISM, arXiv 2509.24377",
    adapts="nothing",
    role="static",
)
DEAREST_FIRST = MODE_NAMES[::-1]


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return a completion that states the answer with most votes."""
    with task.session(question) as session:
        found = session.episodes_in(session.open(), DEAREST_FIRST)
        session.offer(elected(found, [1.0] * len(found)))
    return session.best
