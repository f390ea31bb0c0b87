"""Decodes one word for the look of it, and returns what Python worked out."""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench_cheats.arithmetic import completion

CARD = Card(title="Own arithmetic", adapts="nothing", role="static")


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Work it out."""
    with task.session(question) as session:
        session.decode([session.open()], max_new=1, temperature=0.0)
    return completion(question.prompt)
