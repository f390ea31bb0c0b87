"""A random number of rounds: a die says how often the policy thinks again.

The control of `rethinking`. The die knows the question's index and the run's seed, and sees nothing else; up
to N rounds are all equally likely, and the last one is the answer.

**What to expect.** Written before measuring: as good as `rethinking`, since rounds are flat after the second.

**Ways to fake it.** A die that is thrown again until the answer is good.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.attempt_chains import write_chains
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="A random number of rounds",
    adapts="how many rounds a question gets, by a die",
    role="control",
    control_of=("rethinking",),
    abilities=(Ability("revisions"),),
    knobs=(Knob("N", (8,), 8, open=True, low=1),),
)
_DIE = 0x20D5


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the last of so many attempts.

    Raises:
        CapabilityMissing: if no policy was trained on attempts of this one.
    """
    count = rounds(task.seed, question.index, int(point["N"]))
    with task.session(question, revising=True) as session:
        ((*_, last),) = write_chains(session, 1, count)
        session.offer(last.completion)
    return session.best


def rounds(seed: int, index: int, most: int) -> int:
    """Return a number of 1..most, all equally likely."""
    return 1 + mix(_DIE, seed, index) % most
