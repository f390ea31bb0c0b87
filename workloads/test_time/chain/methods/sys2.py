"""System 2 throughout: every sub-problem that can be is worked out in parts.

The dearer of two static settings of one policy (`dual_modes.py`): uniform test-time scaling, which
spends as much on a step that is never missed as on one that often is. `effort` is the most ways in
which a sub-problem is worked out before they vote: the stand-in for a cap on thinking.

**What to expect.** Written before measuring on test questions, from the `dev` split: 12 points above
`sys1` with one way and 15 with five, at 1.7 and five times the words. What it misses are products
with the largest factors.

**Ways to fake it.** Ways that share their draws; a vote that is told the answer.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.dual_modes import always, modes_of, never, work
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="System 2 throughout",
    adapts="nothing",
    role="static",
    conditions={"format": "splits", "trainings": 1},
    knobs=(Knob("effort", (1, 3, 5), 5, open=True, low=1),),
    fixed={"system": 2},
    variants=(
        Variant(
            "sys1",
            "System 1 throughout",
            {"system": 1, "effort": 1},
            role="static",
            adapts="nothing",
            essay="""System 1 throughout: every sub-problem is answered at once.

            The cheaper of two static settings of one policy (`dual_modes.py`), and the uniform baseline that
            selective allocation has to beat. No way is compared with another and nothing is thrown away.

            **What to expect.** Written before measuring on test questions, from 200 of the `dev` split: 0.80 to 0.85
            right, and more than `greedy`, which loses its place after a product (a policy that mixes both modes takes a
            direct product for the first half of a split one).

            **Ways to fake it.** A System 1 that answers badly on purpose, so that any choice between two modes looks
            wise: on products it has to be right 70 to 95 times in 100.
            """,
        ),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the solution in which all that can be is worked out in parts, or nothing is."""
    with task.session(question) as session:
        choose = always if point["system"] == 2 else never
        work(session, modes_of(task), choose, effort=int(point["effort"]))
    return session.best
