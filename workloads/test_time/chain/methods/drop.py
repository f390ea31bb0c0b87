"""Escalation where the judge's score fell: a cheap rival of a router, with nothing learned.

    s(before) - s_draft > fall: the step is thrown away, and the target writes it

A step that costs much of the chance to end well is one that a better model might have written better. At
the first step the score before counts as 1.

**What to expect.** Written before measuring: above RSD here, since the score falls where a product is
misremembered and nowhere else. It shows what a router adds.

**Ways to fake it.** A judge that is not charged; discarded drafts that are not counted.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.step_hand_over import Draft, speculate

CARD = Card(
    title="Escalation where the score fell",
    paper="our own rival of Arbitrage, arXiv 2512.05033",
    adapts="which of two models writes the next step, on the fall of the judge's score",
    signal=("shared.language_model.search_session:Session.scores",),
    abilities=(Ability("draft"),),
    knobs=(
        # Chosen on `dev`: the fewest hand-overs within a point of the target's accuracy.
        Knob("fall", (0.02, 0.1, 0.2), 0.02, open=True, low=-1, high=1),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion that draft and target wrote together.

    Raises:
        CapabilityMissing: if the policy is the draft of no target.
    """
    most = float(point["fall"])

    def escalates(step: Draft) -> bool:
        before, after = step.rewards()
        return before - after > most

    with task.session(question, paired=True) as session:
        speculate(session, escalates, lambda seq, _: session.scores([seq]))
    return session.best
