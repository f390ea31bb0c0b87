"""Greedy decoding: one completion, always the most probable word.

The cheapest setting and the anchor of the content-blind curve: every method that spends more has to
beat it. No tokens are thrown away, none are judged.

**What to expect.** 30 to 70 % right, by the choice of checkpoint (`recipes.py`).
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Greedy decoding",
    adapts="nothing",
    role="static",
    tasks=("chain", "countdown", "text"),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the most probable completion, word by word."""
    with task.session(question) as session:
        root = session.open()
        session.decode([root], temperature=0.0)
        session.offer(root.completion)
    return session.best
