"""Independent episodes until the calls are gone, and a vote of those that answered.

The rival that BAVT's paper has: nothing is judged. An episode that the budget cuts has no vote.

**What to expect.** Written before measuring, from a prototype: on four hops 0.47 at 12 calls and 0.63 at 30.

**Ways to fake it.** Leaving calls unused; counting declared failures as votes for nothing.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.agents.substrate.episode_pool import elected, episodes
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="Independent episodes and a vote",
    adapts="nothing: as many episodes as the calls of tools allow",
    role="static",
    conditions={"kinds": "kb4", "delay": 2},
    knobs=(Knob("B", (6, 12, 24), 12, open=True, low=1),),
)


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return a completion that states the winning answer."""
    with task.session(question, calls=int(point["B"])) as session:
        found: list[Ids] = []
        for seq in episodes(session):
            found.append(seq.completion)
            session.offer(elected(found, [1.0] * len(found)))
    return session.best
