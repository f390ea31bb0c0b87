"""Random mode: a die chooses whether a question is answered at once, in a chain, or with tools.

The control of every method that chooses modes: at the shares of such a method it spends what that one
spends, and knows nothing of the question. `weights` says whose policy it is: A2FM's (`apo`), that of its
ablation (`flat`), or that of the other static modes. The first two come at the shares that their cards
give, measured on questions that nobody scores; the last at thirds. The die knows the question's index
and the run's seed.

**What to expect.** Written before measuring: the mean of the three modes, weighted by the shares.

**Ways to fake it.** A die that is thrown again until the answer is good.
"""

from collections.abc import Mapping

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
    knobs=(Knob("weights", ("apo", ""), "apo", also=("flat",)),),
)
_DIE = 0xD1E
THIRDS = {"dir": 1 / 3, "cot": 1 / 3, "act": 1 / 3}


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return a greedy episode in the mode that the die chose."""
    thrown = mix(_DIE, task.seed, question.index) * 2.0**-64
    weights = str(point["weights"])
    mode = mode_of(thrown, task.mode_shares(weights) if weights else THIRDS)
    with task.session(question, weights) as session:
        seq = session.begin(mode)
        session.finish([seq], temperature=0.0)
        session.offer(seq.completion)
    return session.best


def mode_of(thrown: float, shares: Mapping[str, float]) -> str:
    """Return the mode for a number in [0, 1) at these shares."""
    for mode, share in shares.items():
        thrown -= share
        if thrown < 0:
            return mode
    return max(shares, key=lambda mode: shares[mode])
