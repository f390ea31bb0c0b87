"""A tree of steps of one question's episodes, grown node by node while calls of tools are left.

    choose an open node; take its next child one step on; value it; if it did better than its parent go on
    from it, else choose again

Children of a node are forked together, so that each draws words of its own. A child that ends its episode
with an answer is judged by the policy's critic, and ends the search if that is sure enough; what the search
returns is the answer that the critic was surest of.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from adabench.workloads.agents.substrate.action_steps import Ids, stated
from adabench.workloads.agents.substrate.action_words import FAIL
from adabench.workloads.agents.substrate.agent_session import AgentSession
from adabench.workloads.agents.substrate.episodes import is_over
from adabench.workloads.shared.language_model.contract import Seq

CHILDREN = 8
"""The most that a node has."""
ROOT, LEAST = 0.5, 0.01
"""The value of the root, and the least of any node."""
REUSE = 0.6
"""What is left of a node's weight each time it was chosen."""
Critic = Literal["residual", "absolute"]


@dataclass(eq=False)
class Node:
    """A step of an episode, from which others go on."""

    seq: Seq
    value: float
    """Between LEAST and 1."""
    read: float
    """What the head makes of its state."""
    children: list[Seq] = field(default_factory=list)
    uses: int = 0


Weigh = Callable[[Sequence[Node], float], list[float]]
"""From open nodes and the share of the budget that is left to weights."""


@dataclass(frozen=True)
class TreePlan:
    """How a tree is grown."""

    calls: int
    """Calls of tools in all: those of the session."""
    words: int
    """Words that may be generated in all, those of the critic among them."""
    accept: float
    """How sure the critic must be for the search to end."""
    critic: Critic
    weigh: Weigh
    draw: Callable[[int], float]
    """Number i in [0, 1) of this question's."""


def grow(session: AgentSession, plan: TreePlan) -> Ids:
    """Return the answer that the critic was surest of; nothing where none was found.

    What is left of the budget is what is left of calls or of words, whichever is scarcer. With no call left the
    last nodes may still answer, and what needs another call ends it; with no word left the search ends.

    Raises:
        BudgetSpent: when a call was due and none was left; what was offered stands.
    """
    root = session.begin("act")
    nodes = [Node(root, ROOT, session.values([root])[0])]
    here: Node | None = None
    best: tuple[float, Ids] = (-1.0, ())
    for count in range(4 * plan.calls):
        left = budget_left(plan, session.tools_used, session.words_used)
        if not nodes or session.words_used >= plan.words:
            break
        node = here or chosen(nodes, plan.weigh(nodes, left), plan.draw(count))
        child = next_child(session, node)
        if not node.children:
            nodes.remove(node)
        session.advance([child])
        here = None
        if is_over(child):
            if best[0] < 0:
                session.offer(child.completion)
            sure = judged(session, child)
            best = max(best, (sure, child.completion), key=lambda one: one[0])
            session.offer(best[1])
            if sure >= plan.accept:
                break
        else:
            (read,) = session.values([child])
            found = Node(child, valued(node, read, plan.critic), read)
            nodes.append(found)
            here = found if read > node.read else None
    return best[1]


def budget_left(plan: TreePlan, calls: int, words: int) -> float:
    """Return the share of the budget that is left: of calls or of words, the scarcer of the two."""
    return max(0.0, min(1 - calls / plan.calls, 1 - words / plan.words))


def next_child(session: AgentSession, node: Node) -> Seq:
    """Return the next child of a node; all are forked at its first."""
    if not node.uses:
        node.children = session.fork(node.seq, CHILDREN)
    node.uses += 1
    return node.children.pop(0)


def valued(parent: Node, read: float, critic: Critic) -> float:
    """Return a child's value: by what it gained over its parent, or by itself."""
    value = parent.value + read - parent.read if critic == "residual" else read
    return min(1.0, max(LEAST, value))


def judged(session: AgentSession, seq: Seq) -> float:
    """Return how sure the critic is of an answer; a declared failure is none."""
    if stated(seq.completion) in (None, (FAIL,)):
        return 0.0
    return session.self_checks([seq])[0]


def chosen(nodes: Sequence[Node], weights: Sequence[float], number: float) -> Node:
    """Return a node by weight, for a number in [0, 1)."""
    left = number * sum(weights)
    for node, weight in zip(nodes, weights, strict=True):
        left -= weight
        if left < 0:
            return node
    return nodes[-1]
