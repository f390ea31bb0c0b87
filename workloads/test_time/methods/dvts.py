"""DVTS: ceil(sqrt(N)) independent subtrees, each a beam that keeps one.

The root's N children are dealt to M = ceil(sqrt(N)) subtrees. In each, at every depth, the leaf
with the highest score takes all of the subtree's remaining width: N / M less what ended in it. No
subtree can take over another's width, so M different beginnings are followed to their ends.

**What is simplified.** No look-ahead: a step is scored where it ends.

**What to expect.** Written before measuring: better than beam at N = 64, where diversity pays, near
it at 16; below REBASE, which can move width between beginnings.

**Ways to fake it.** Subtrees that share leaves; a width that ended subtrees hand on.
"""

import math

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.tree_search import Node, Tree, search

CARD = Card(
    title="Diverse verifier tree search",
    paper="Beeching et al., Scaling test-time compute with open models, Hugging Face 2024",
    adapts="which leaf of each subtree goes on, on the rank of a judge's score",
    signal=("shared.language_model.search_session:Session.scores",),
    fidelity="reconstructed",
    tasks=("chain", "text"),
    abilities=(Ability("samples"), Ability("steps"), Ability("scores")),
    on_task={"text": OnTask(sweep={"N": (8,)})},
    knobs=(
        Knob("N", (16,), 16, open=True, low=1),
        Knob("select", ("vote",), "vote", open=True),
        Knob("aggregate", ("last",), "last", open=True),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion that the search settles on."""
    width = int(point["N"])

    def allocate(tree: Tree) -> list[int]:
        return subtrees(tree, width)

    with task.session(question) as session:
        search(session, width, allocate, point)
    return session.best


def subtrees(tree: Tree, width: int) -> list[int]:
    """Return the children of each leaf: one leaf of each subtree takes what that has left."""
    many = math.ceil(math.sqrt(width))
    left = [len(range(subtree, width, many)) for subtree in range(many)]
    for node in tree.ended:
        left[node.branch % many] -= 1
    best: dict[int, Node] = {}
    for leaf in tree.leaves:
        subtree = leaf.branch % many
        if subtree not in best or leaf.reward > best[subtree].reward:
            best[subtree] = leaf
    heads = {leaf: left[subtree] for subtree, leaf in best.items()}
    return [heads.get(leaf, 0) for leaf in tree.leaves]
