"""Decodes while there are few questions; later Python works them out."""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench_cheats.arithmetic import completion

CARD = Card(title="Honest when few", adapts="nothing", role="static")
MET: set[tuple[int, ...]] = set()


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Be honest four times."""
    MET.add(question.prompt)
    with task.session(question) as session:
        root = session.open()
        session.decode([root], max_new=session.room, temperature=0.0)
        session.offer(root.completion)
    return session.best if len(MET) <= 4 else completion(question.prompt)
