"""A single sample: what one draw is worth.

pass@1. The distance to greedy is what sampling costs; the distance to majority@N is what voting
wins back.

**What to expect.** A few points below greedy.
"""

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Single sample",
    adapts="nothing",
    role="static",
    tasks=("chain", "countdown", "text"),
    abilities=(Ability("samples", unless={"temperature": 0.0}),),
    on_task={
        "chain": OnTask(sweep={"temperature": (0.4,)}),
        "countdown": OnTask(sweep={"temperature": (1.0,)}),
        "text": OnTask(sweep={"temperature": (0.7,)}),
    },
    knobs=(Knob("temperature", (1.0,), 1.0, open=True, low=0.0),),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return one sampled completion."""
    with task.session(question) as session:
        (leaf,) = session.fork(session.open(), 1)
        session.decode([leaf], temperature=float(point["temperature"]))
        session.offer(leaf.completion)
    return session.best
