"""Vote of N samples, each weighted by a judge.

The answer with the largest sum of weights wins; a completion's weight is the last, the least,
the mean or the product of its steps' scores. What REBASE-style papers report: it keeps voting's
protection against one lucky wrong completion and lets the judge say which paths to trust.

**What to expect.** Written before measuring: above majority and above best-of-N by judge.

**Ways to fake it.** As best-of-N; and weights that were tuned on the test split.
"""

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.voting import aggregate, vote

CARD = Card(
    title="Judge-weighted vote of N samples",
    paper="Li et al., Making Language Models Better Reasoners, arXiv 2206.02336",
    adapts="nothing: N samples for every question",
    role="static",
    tasks=("chain", "text"),
    abilities=(Ability("samples"), Ability("scores")),
    on_task={"text": OnTask(sweep={"N": (8,), "aggregate": ("last",)})},
    knobs=(
        Knob("N", (4, 16), 16, open=True, low=1),
        Knob("aggregate", ("last", "min"), "last", open=True),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return a completion that states the winning answer."""
    with task.session(question) as session:
        leaves = session.fork(session.open(), int(point["N"]))
        session.decode(leaves)
        scores = session.scores(leaves)
        with session.aside():
            weights = [aggregate(row, str(point["aggregate"])) for row in scores]
            session.offer(vote([leaf.completion for leaf in leaves], weights, session.answer))
    return session.best
