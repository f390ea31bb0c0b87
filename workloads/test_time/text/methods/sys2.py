"""System 2 throughout: every question gets a worked answer.

The dearer of two static settings of one policy (`answer_modes.py`). With `effort` 1 it is greedy
decoding, word by word; with more, so many worked answers are drawn and vote.

**What to expect.** Written before measuring on test questions, from 44 for practice: 0.95 right of one step and
0.59 of two, 0.77 in all, for 27 words a question.

**Ways to fake it.** Worked examples that give the answer away.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.text.substrate.answer_modes import always, answer, never

CARD = Card(
    title="System 2 throughout: worked answers",
    adapts="nothing",
    role="static",
    conditions={"level": "digit-1..2"},
    knobs=(Knob("effort", (1,), 1, open=True, low=1),),
    fixed={"system": 2},
    variants=(
        Variant(
            "sys1",
            "System 1 throughout: bare answers",
            {"system": 1, "effort": 1},
            role="static",
            adapts="nothing",
            essay="""System 1 throughout: every question gets a bare answer.

            The cheaper of two static settings of one policy (`answer_modes.py`): the question stands behind examples
            of bare answers, and the model writes a line. Nothing is thrown away.

            **Conditions.** Sums of one and of two steps in turn (`level=digit-1..2`), since on those of two alone System
            1 is too weak to be chosen: 7 of 40 for practice.

            **What to expect.** Written before measuring on test questions, from 44 for practice: 0.68 right of one step and
            0.14 of two, 0.41 in all, for 6 words a question.

            **Ways to fake it.** A bare answer that is held to be wrong, so that any choice looks wise.
            """,
        ),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the worked answer, or the bare one."""
    with task.session(question) as session:
        answer(session, always if point["system"] == 2 else never, effort=int(point["effort"]))
    return session.best
