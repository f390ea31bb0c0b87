"""Random mode: a die chooses whether a question is answered at once, in a chain, or with tools.

The control of every method that chooses modes: at the shares of such a method it spends what that one
spends, and knows nothing of the question. `weights` says whose policy it is: that of the other static
modes, or A2FM's (`apo`). The die knows the question's index and the run's seed.

**What to expect.** Written before measuring: the mean of the three modes, weighted by the shares.

**Ways to fake it.** A die that is thrown again until the answer is good.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="A mode by a die",
    adapts="in which mode a question is answered, by a die",
    role="control",
    tasks=("lookup",),
    control_of=("a2fm", "apo_without"),
    abilities=(Ability("modes", unless={"weights": ""}),),
    knobs=(
        Knob("instant", (0.34,), 0.34, open=True, low=0.0, high=1.0),
        Knob("reasoning", (0.33,), 0.33, open=True, low=0.0, high=1.0),
        Knob("weights", ("",), "", also=("apo", "flat")),
    ),
)
_DIE = 0xD1E


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return a greedy episode in the mode that the die chose."""
    thrown = mix(_DIE, task.seed, question.index) * 2.0**-64
    mode = mode_of(thrown, float(point["instant"]), float(point["reasoning"]))
    with task.session(question, str(point["weights"])) as session:
        seq = session.begin(mode)
        session.finish([seq], temperature=0.0)
        session.offer(seq.completion)
    return session.best


def mode_of(thrown: float, instant: float, reasoning: float) -> str:
    """Return the mode for a number in [0, 1) at these shares; the rest goes to tools."""
    if thrown < instant:
        return "dir"
    return "cot" if thrown < instant + reasoning else "act"
