"""Answer now: thought is cut off at a cap, and the policy writes one last attempt.

The static of every method that decides for itself how long it thinks: all questions get the same words. A sample goes on step by
step until its next step could pass the cap; then `ans` is forced behind it, and what follows is the policy's own. A sample that
ended by itself is as it is. Accuracy over caps is the curve that regret is an area above.

**What to expect.** Written before measuring: rises with the cap as long as attempts are added (16 words are one at three numbers), and is flat
from the cap on at which samples end by themselves (50 words on average).

**Ways to fake it.** Numbers that are forced. Words behind the cap that nobody counts.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.countdown.substrate.forced_answer import answered, cap_of
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Answer at a cap",
    adapts="nothing",
    role="static",
    knobs=(Knob("cap", (16, 32, 64, 96, 160), 96, open=True, low=0),),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return a sample, with its last attempt asked for at the cap."""
    with task.session(question) as session:
        session.offer(answered(session, cap_of(question, int(point["cap"]))).completion)
    return session.best
