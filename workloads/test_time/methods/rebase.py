"""REBASE: a tree search that divides its width among all leaves by the judge's scores.

At every depth each leaf takes ceil(W_left e^(r / T) / sum_left) children, best first, with T = 0.2
(`allocation.py`): a leaf of score 0.9 gets e = 2.7 times the children of one of 0.7, and the worst
get none. Nothing is pruned for its cost, so the cache holds whatever the scores spread over: the
prior state of the art that Efficient Tree Search starts from.

Search, bookkeeping and the final choice are those of every search here (`tree_search.py`).

**What is simplified.** Steps are short, and seven. `<eos>` is a step of its own.

**What to expect.** Written before measuring: more accurate than sampling N and voting by the same
judge, at fewer FLOPs, because prefixes are shared and hopeless ones are left; that is, if the
judge passes its gate (best-of-16 by judge above majority). With a judge that only knows how hard
a problem is, equal scores give every leaf one child and it is plain sampling, step by step.

**Ways to fake it.** A width that grows by rounding; a judge that is not charged; the KV formula in
place of the cache.
"""

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.allocation import allocate_by_score
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.tree_search import Tree, search

CARD = Card(
    title="REBASE",
    paper="Wu et al., Inference Scaling Laws, arXiv 2408.00724, ICLR 2025",
    adapts="how many children each leaf of a search gets, on a judge's score of its last step",
    signal=("shared.language_model.search_session:Session.scores",),
    fidelity="code-confirmed",
    tasks=("chain", "text"),
    abilities=(Ability("samples"), Ability("steps"), Ability("scores")),
    on_task={"text": OnTask(sweep={"N": (8,)})},
    knobs=(
        Knob("N", (4, 16), 16, open=True, low=1),
        Knob("T", (0.2,), 0.2, open=True, low=0.01),
        Knob("select", ("vote",), "vote", open=True),
        Knob("aggregate", ("last",), "last", open=True),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion that the search settles on."""
    temperature = float(point["T"])

    def allocate(tree: Tree) -> list[int]:
        return allocate_by_score([leaf.reward for leaf in tree.leaves], tree.width, temperature)

    with task.session(question) as session:
        search(session, int(point["N"]), allocate, point)
    return session.best
