"""System 1 throughout: every sub-problem is answered at once.

The cheaper of two static settings of one policy (`dual_modes.py`), and the uniform baseline that
selective allocation has to beat. No way is compared with another and nothing is thrown away.

**What to expect.** Written before measuring on test questions, from 200 of the `dev` split: 0.80 to 0.85
right, and more than `greedy`, which loses its place after a product (a policy that mixes both modes takes a
direct product for the first half of a split one).

**Ways to fake it.** A System 1 that answers badly on purpose, so that any choice between two modes looks
wise: on products it has to be right 70 to 95 times in 100.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.dual_modes import modes_of, never, work
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="System 1 throughout",
    adapts="nothing",
    role="static",
    conditions={"layout": "several"},
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the solution in which every sub-problem is answered at once."""
    with task.session(question) as session:
        work(session, modes_of(task), never, effort=1)
    return session.best
