"""System 2 throughout: every question gets a worked answer.

The dearer of two static settings of one policy (`answer_modes.py`). With `effort` 1 it is greedy
decoding, word by word; with more, so many worked answers are drawn and vote.

**What to expect.** Written before measuring on test questions, from 44 for practice: 0.95 right of one step and
0.59 of two, 0.77 in all, for 27 words a question.

**Ways to fake it.** Worked examples that give the answer away.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.text.substrate.answer_modes import always, answer

CARD = Card(
    title="System 2 throughout: worked answers",
    adapts="nothing",
    role="static",
    conditions={"level": "digit-1..2"},
    knobs=(Knob("effort", (1,), 1, open=True, low=1),),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the worked answer."""
    with task.session(question) as session:
        answer(session, always, effort=int(point["effort"]))
    return session.best
