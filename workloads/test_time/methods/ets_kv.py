"""ETS-KV: Efficient Tree Search without the price on sameness.

The ablation. `ets` with lambda_s = 0 (see there): leaves are kept for what REBASE would give them
less what they and their ancestors hold, and whether the survivors say different things is nobody's
concern. If it does as well at the same cache, clusters bought nothing.

**What to expect.** Written before measuring, from the paper: the same cache at a smaller lambda_c,
and less accuracy at the same cache.

**Ways to fake it.** Comparing it at the same lambda_c: it then holds less, and loses for that
reason.
"""

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.integer_program import Prices, prune
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.tree_search import search

CARD = Card(
    title="Efficient Tree Search without coverage",
    paper="Hooper et al., ETS, arXiv 2502.13575, 2025",
    adapts="which leaves of a search survive, on scores and shared cache",
    signal=("shared.language_model.search_session:Session.scores",),
    fidelity="code-confirmed",
    tasks=("chain", "text"),
    abilities=(Ability("samples"), Ability("scores")),
    on_task={"text": OnTask(sweep={"N": (8,), "lambda_c": (1.0,)})},
    knobs=(
        Knob("N", (16,), 16, open=True, low=1),
        Knob("lambda_c", (0.0, 0.5, 1.0, 2.0), 1.0, open=True, low=0),
        Knob("cost", ("nodes",), "nodes", open=True),
        Knob("T", (0.2,), 0.2, open=True, low=0.01),
        Knob("select", ("vote",), "vote", open=True),
        Knob("aggregate", ("last",), "last", open=True),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion that the search settles on."""
    prices = Prices(
        kv=float(point["lambda_c"]),
        coverage=0.0,
        temperature=float(point["T"]),
        cut=0.0,
        by_tokens=point["cost"] == "tokens",
    )
    with task.session(question) as session:
        search(session, int(point["N"]), prune(prices), point)
    return session.best
