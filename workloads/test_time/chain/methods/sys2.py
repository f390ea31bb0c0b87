"""System 2 throughout: every sub-problem that can be is worked out in parts.

The dearer of two static settings of one policy (`dual_modes.py`): uniform test-time scaling, which
spends as much on a step that is never missed as on one that often is. `effort` is the most ways in
which a sub-problem is worked out before they vote: the stand-in for a cap on thinking.

**What to expect.** Written before measuring on test questions, from the `dev` split: 12 points above
`sys1` with one way and 15 with five, at 1.7 and five times the words. What it misses are products
with the largest factors.

**Ways to fake it.** Ways that share their draws; a vote that is told the answer.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.dual_modes import always, modes_of, work
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="System 2 throughout",
    adapts="nothing",
    role="static",
    conditions={"layout": "several"},
    knobs=(Knob("effort", (1, 3, 5), 5, open=True, low=1),),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the solution in which all that can be is worked out in parts."""
    with task.session(question) as session:
        work(session, modes_of(task), always, effort=int(point["effort"]))
    return session.best
