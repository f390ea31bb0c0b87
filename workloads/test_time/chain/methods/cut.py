"""Plain GRPO, cut: after so many tries the policy has to state a value.

The policy of `outcome_reward`, made as short as is asked without having learned to be: what stands after `tries` tries is closed by `ans`,
which is forced, and the policy says the value. It is the same for every question.

**What to expect.** Written before measuring: six points less at one try than at three.

**Ways to fake it.** Letting the value of a cut solution be worked out by anything but the policy.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.chain.substrate.tries import FULL, STATED, word_of
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Plain GRPO, cut",
    adapts="",
    role="static",
    conditions={"format": "tries", "lengths": "4"},
    abilities=(Ability("efforts"),),
    knobs=(Knob("tries", (1, 2, 3), 1, open=True, low=1),),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return one sampled completion of so many tries at most.

    Raises:
        CapabilityMissing: if no such policy was trained.
    """
    factors = len(question.prompt) - 4
    with task.session(question, successor="effort-outcome") as session:
        (leaf,) = session.fork(session.open(), 1)
        session.append([leaf], [[word_of(FULL)]])
        for _ in range(factors * int(point["tries"])):
            if not session.ended(leaf):
                session.step([leaf])
        if not session.ended(leaf):
            session.append([leaf], [[STATED]])
            session.decode([leaf], max_new=2)
        session.offer(leaf.completion)
    return session.best
