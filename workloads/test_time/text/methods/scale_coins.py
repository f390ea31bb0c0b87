"""Random modes: which questions get a worked answer is drawn.

The control of `scale`: at the same share of worked answers a choice that is worth anything must answer
more. The draw knows the run's seed and the question's number and sees nothing else, and no bare
answer is written in vain.

**What to expect.** Written before measuring: on the straight line between `sys1` and `sys2`.

**Ways to fake it.** Drawing again; a share of another kind than the method's.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.dual_modes import thrown
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.text.substrate.answer_modes import BareAnswer, answer

CARD = Card(
    title="Bare or worked answers at random",
    adapts="a bare or a worked answer for each question, at random",
    role="control",
    control_of=("scale",),
    conditions={"level": "digit-1..2"},
    knobs=(
        Knob("share", (0.5,), 0.5, open=True, low=0.0, high=1.0),
        Knob("effort", (1,), 1, open=True, low=1),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the answer in the mode that a coin chose."""
    share = float(point["share"])

    def choose(bare: BareAnswer) -> bool:
        return thrown(task.seed, question.index, 0) < share

    with task.session(question) as session:
        answer(session, choose, effort=int(point["effort"]))
    return session.best
