"""The target alone: the larger model of a pair writes everything, greedily.

What step-wise speculation is held against from above; from below it is the draft alone, on `chain`
`greedy`. On `text` the target is the task's own policy, and `greedy` is the same words. No
draft is written and none is thrown away.

**What to expect.** Written before measuring: 0.75 right at 20 times the draft's FLOPs, which no mix of the two
models saves.
"""

from adabench.harness.contract.card import Ability, Card, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.step_hand_over import TARGET

CARD = Card(
    title="The target alone",
    adapts="nothing",
    role="static",
    tasks=("chain", "text"),
    abilities=(Ability("draft"),),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the target's most probable completion, word by word.

    Raises:
        CapabilityMissing: if the policy is the draft of no target.
    """
    with task.session(question, paired=True) as session:
        root = session.open(policy=TARGET)
        session.decode([root], temperature=0.0)
        session.offer(root.completion)
    return session.best
