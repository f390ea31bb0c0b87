"""System 1 throughout: every question gets a bare answer.

The cheaper of two static settings of one policy (`answer_modes.py`): the question stands behind examples
of bare answers, and the model writes a line. Nothing is thrown away.

**Conditions.** Sums of one and of two steps in turn (`level=digit-1..2`), since on those of two alone System
1 is too weak to be chosen: 7 of 40 for practice.

**What to expect.** Written before measuring on test questions, from 44 for practice: 0.68 right of one step and
0.14 of two, 0.41 in all, for 6 words a question.

**Ways to fake it.** A bare answer that is held to be wrong, so that any choice looks wise.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.text.substrate.answer_modes import answer, never

CARD = Card(
    title="System 1 throughout: bare answers",
    adapts="nothing",
    role="static",
    conditions={"level": "digit-1..2"},
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the bare answer."""
    with task.session(question) as session:
        answer(session, never, effort=1)
    return session.best
