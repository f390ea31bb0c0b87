"""The oracle of Arbitrage, drawn dotted: both models write every step, and the better one is taken.

    D = s_target - s_draft         D > least: the target's step is taken

It is told the judge's score of a step that the target has already written, so it pays for the target
everywhere; `target_share` counts only what was taken. For a budget of escalations, taking the largest
advantages maximises the sum of the steps' scores, step by step: it is a `bound` and not exact, since
the answer is not such a sum and a step that scores less may lead further. It is told no answer.

**What to expect.** Written before measuring: 0.6 right at a share of target steps of 0.2, where the target alone
has 0.75 and the draft 0.33; 0.9 of the target's accuracy at a share of some 0.25, since a step in five is one that
the draft misremembers and the judge sees five of six of these. Its FLOPs are those of both models together, and more.

**Ways to fake it.** Reporting it as a method, or its share as a cost.
"""

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.step_hand_over import compare

CARD = Card(
    title="Arbitrage's oracle",
    paper="Maheswaran et al., Arbitrage, arXiv 2512.05033, 2025",
    adapts="which of two written steps is taken, told the judge's score of both",
    role="oracle",
    oracle="bound",
    tasks=("chain", "text"),
    abilities=(Ability("draft"), Ability("scores")),
    on_task={
        "text": OnTask(
            sweep={"least": (0.0,)},
            title="The likelier of two written steps: Arbitrage's oracle by the target's likelihood",
        ),
    },
    knobs=(Knob("least", (0.0, 0.05, 0.1, 0.3), 0.0, open=True, low=-1, high=1),),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion of the better steps.

    Raises:
        CapabilityMissing: if the policy is the draft of no target.
    """
    least = float(point["least"])
    with task.session(question, paired=True) as session:
        compare(session, lambda ours, theirs: theirs - ours > least)
    return session.best
