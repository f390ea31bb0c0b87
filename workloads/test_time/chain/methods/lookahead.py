"""Lookahead search: a beam whose leaves are worth what the judge thinks of them k steps further on.

A beam (`beam.py`) keeps the leaves with the best scores. Here a leaf is first rolled k steps ahead, at
temperature 0, and the judge's score of where that leads is the leaf's; the steps are dropped, and
the leaf's children are drawn from the leaf itself. Steps ahead are decoded, judged and paid for.

**The budget** counts them, as the paper does: a look k steps ahead costs k + 1, so N buys a beam of
N / (k + 1) leaves. It keeps the root of that number.

**What to expect.** Written first: worst of all at equal budget, since the judge reads off the steps so far
nearly all that it knows. On `dev` questions that holds three steps ahead and at small budgets; one
step ahead at N = 16 is a point or two behind a beam and ahead of a judged vote.

**Ways to fake it.** A look ahead that is not decoded, or not on the bill; the leaf that was looked at
kept as a child; N for the width.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.strategies import lookahead

CARD = Card(
    title="Lookahead search with a judge",
    paper="Snell et al., Scaling Test-Time Compute, arXiv 2408.03314",
    slug="compute-optimal",
    adapts="which leaves of a search go on, on the rank of a judge's score some steps ahead",
    signal=("shared.language_model.search_session:Session.scores",),
    fidelity="reconstructed",
    abilities=(Ability("scores"),),
    knobs=(
        Knob("N", (4, 16), 16, open=True, low=1),
        Knob("k", (1, 3), 1, open=True, low=1),
        Knob("select", ("vote",), "vote", open=True),
        Knob("aggregate", ("last",), "last", open=True),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion that the search settles on."""
    with task.session(question) as session:
        lookahead(session, int(point["N"]), int(point["k"]), point)
    return session.best
