"""A tree whose nodes are chosen by a die: the control of trees that value them.

Budget, children, critic and the last choice are those of BAVT; any open node is as likely as another. What a
value head is worth must show against it.

**What to expect.** Written before measuring, from a prototype: 2 to 9 points below a choice by value with few
calls, none with many.

**Ways to fake it.** A die that sees the values.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.agents.substrate.value_tree import TreePlan, grow
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="A tree whose nodes a die chooses",
    adapts="which step of an agent is gone on from, by a die",
    role="control",
    conditions={"kinds": "kb4", "delay": 2},
    abilities=(Ability("values"),),
    control_of=("bavt",),
    knobs=(
        Knob("B", (6, 12, 24), 12, open=True, low=1),
        Knob("words", (40,), 40, open=True, low=1),
        Knob("accept", (0.9,), 0.9, open=True, low=0.0, high=1.0),
    ),
)
_DRAW = 0xD1E7


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return the answer that the critic was surest of."""

    def draw(count: int) -> float:
        return mix(_DRAW, task.seed, question.index, count) * 2.0**-64

    plan = TreePlan(
        int(point["B"]),
        int(point["B"]) * int(point["words"]),
        float(point["accept"]),
        "residual",
        lambda nodes, left: [1.0] * len(nodes),
        draw,
    )
    with task.session(question, calls=plan.calls) as session:
        grow(session, plan)
    return session.best
