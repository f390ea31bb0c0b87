"""Beam search with a judge: the best ceil(sqrt(N)) leaves share the width.

At every depth the leaves with the highest scores are kept, ceil(sqrt(N)) of them, and each takes
ceil(W_left / leaves_left) children: sqrt(N) each while nothing has ended. How much better one leaf
is than another plays no role, only its rank.

**What is simplified.** The card's "ceil(N / keep) children each" is taken of the remaining width,
so that all searches of one N draw the same number of steps.

**What to expect.** Written before measuring: below REBASE. It keeps few leaves, soon of one
ancestor, and a judge that errs there errs for all: in the prototype a weak judge's narrow beam did
worse than as many independent samples (0.22 against 0.48).

**Compute-optimal scaling** says that a beam gains where questions are hard and not where they are easy
(CO-3). Written before measuring: so it does, since easy ones are right anyway; it loses nothing there, for
this judge is not over-optimised.

**Ways to fake it.** A beam that is wider than its N.
"""

import math

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.allocation import allocate_to_best
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.tree_search import Tree, search

CARD = Card(
    title="Beam search with a judge",
    paper="Snell et al., Scaling Test-Time Compute, arXiv 2408.03314",
    slug="compute-optimal",
    adapts="which leaves of a search go on, on the rank of a judge's score",
    signal=("shared.language_model.search_session:Session.scores",),
    tasks=("chain", "text"),
    abilities=(Ability("samples"), Ability("steps"), Ability("scores")),
    on_task={"text": OnTask(sweep={"N": (8,)})},
    knobs=(
        Knob("N", (4, 16), 16, open=True, low=1),
        Knob("select", ("vote",), "vote", open=True),
        Knob("aggregate", ("last",), "last", open=True),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion that the search settles on."""
    keep = math.ceil(math.sqrt(int(point["N"])))

    def allocate(tree: Tree) -> list[int]:
        return allocate_to_best([leaf.reward for leaf in tree.leaves], tree.width, keep)

    with task.session(question) as session:
        search(session, int(point["N"]), allocate, point)
    return session.best
