"""A worked answer exactly where the bare one is wrong: the oracle of methods that choose modes.

The bare answer is written first, in a session whose costs nobody counts, and the grader says whether it is
right; then the question is answered once more in the mode that was found, and that is what it costs.
It is `exact` in where System 1 errs; where System 2 errs as well its words are in vain.

**What to expect.** Written before measuring on test questions, from 44 for practice: 0.82 right where `sys2` has
0.77, on three fifths of its words: there is room that doubt does not find.

**Ways to fake it.** Reporting it as a method.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import GradedTask, QuestionTask
from adabench.workloads.test_time.text.substrate.answer_modes import always, answer, never

CARD = Card(
    title="A worked answer where the bare one is wrong",
    adapts="a bare or a worked answer for each question, told which bare ones are wrong",
    role="oracle",
    oracle="exact",
    conditions={"level": "digit-1..2"},
    knobs=(Knob("effort", (1,), 1, open=True, low=1),),
)


def solve(task: GradedTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the bare answer where it is right, and a worked one elsewhere."""
    choose = never if task.credit(question, _bare(task, question)) else always
    with task.session(question) as session:
        answer(session, choose, effort=int(point["effort"]))
    return session.best


def _bare(task: GradedTask, question: Question) -> tuple[int, ...]:
    aside: QuestionTask = task.oracle_substrate()
    with aside.session(question) as session:
        answer(session, never, effort=1)
    return session.best
