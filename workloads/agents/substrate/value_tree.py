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

from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_session import AgentSession
from adabench.workloads.agents.substrate.episode_pool import hops_left, is_answer
from adabench.workloads.agents.substrate.episodes import is_over
from adabench.workloads.shared.language_model.contract import Seq

CHILDREN = 8
"""The most that a node has."""
ROOT, LEAST = 0.5, 0.01
"""The value of the root, and the least of any node."""
Critic = Literal["residual", "absolute"]
Unit = Literal["calls", "expansions"]
Read = Callable[[AgentSession, Sequence[Seq]], list[float]]


def by_head(session: AgentSession, seqs: Sequence[Seq]) -> list[float]:
    """Return what the trained head makes of states."""
    return session.values(seqs)


def by_critic(session: AgentSession, seqs: Sequence[Seq]) -> list[float]:
    """Return what the critic would say at once."""
    return session.step_checks(seqs)


@dataclass(eq=False)
class Node:
    """A step of an episode, from which others go on."""

    seq: Seq
    value: float
    """Between LEAST and 1."""
    read: float
    """What its state was read as."""
    children: list[Seq] = field(default_factory=list)
    uses: int = 0


Weigh = Callable[[Sequence[Node], float], list[float]]
"""From open nodes and the share of the budget that is left to weights."""


@dataclass(frozen=True)
class TreePlan:
    """How a tree is grown."""

    budget: int
    """Calls of tools in all, those of the session; or expansions."""
    words: int
    """Words that may be generated in all, those of the critic among them."""
    accept: float
    """How sure the critic must be for the search to end."""
    critic: Critic
    weigh: Weigh
    draw: Callable[[int], float]
    """Number i in [0, 1) of this question's."""
    unit: Unit = "calls"
    read: Read = by_head
    """What makes a number between 0 and 1 of the state of an episode that goes on."""
    reserve: int | None = None
    """Of the budget, what is held back for a forced answer beside a unit for each hop; None: no answer is forced."""


@dataclass
class Tree:
    """The open nodes of a question, and the best answer so far."""

    session: AgentSession
    plan: TreePlan
    nodes: list[Node]
    best: tuple[float, Ids] = (-1.0, ())
    expansions: int = 0
    answered: bool = False
    """Whether an episode stated an answer, and no failure."""

    @property
    def used(self) -> int:
        """Return what was used of the budget."""
        return self.session.tools_used if self.plan.unit == "calls" else self.expansions

    @property
    def is_spent(self) -> bool:
        """Tell whether words or expansions are gone; calls end a session by themselves."""
        plan = self.plan
        most = 4 * plan.budget if plan.unit == "calls" else plan.budget
        return self.session.words_used >= plan.words or self.expansions >= most

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is left to be done, or to do it with."""
        return not self.nodes or self.is_spent or self.best[0] >= self.plan.accept

    def last_chances(self) -> list[Node]:
        """Return the nodes from which an answer can still be had, where it has to be had now; else none."""
        if self.plan.reserve is None or self.answered:
            return []
        left = self.plan.budget - self.used - self.plan.reserve
        hops = [hops_left(self.session.prompt, node.seq.completion) for node in self.nodes]
        if left > min(hops):
            return []
        most = max(left + 1, min(hops))
        return [node for node, count in zip(self.nodes, hops, strict=True) if count <= most]

    def expand(self, node: Node) -> Node | None:
        """Take a node's next child one step on; return it if it goes on."""
        child = next_child(self.session, node)
        if not node.children:
            self.nodes.remove(node)
        self.expansions += 1
        self.session.advance([child])
        if is_over(child):
            self._judge(child)
            return None
        (read,) = self.plan.read(self.session, [child])
        found = Node(child, valued(node, read, self.plan.critic), read)
        self.nodes.append(found)
        return found

    def force(self, node: Node) -> None:
        """Take a node's next child to its end, each step the likeliest; the node is used up."""
        child = next_child(self.session, node)
        self.nodes.remove(node)
        while not is_over(child) and not self.is_spent:
            self.expansions += 1
            self.session.advance([child], temperature=0.0)
        if is_over(child):
            self._judge(child)

    def _judge(self, seq: Seq) -> None:
        """Let the critic say how sure it is of an answer, and offer the one that it was surest of."""
        if not self.answered:
            self.answered = is_answer(seq.completion)
            self.best = 0.0, seq.completion
            self.session.offer(seq.completion)
        sure = judged(self.session, seq)
        if sure > self.best[0]:
            self.best = sure, seq.completion
            self.session.offer(seq.completion)


def grow(session: AgentSession, plan: TreePlan) -> Ids:
    """Return the answer that the critic was surest of; nothing where none was found.

    What is left of the budget is what is left of calls (or expansions) or of words, whichever is scarcer. With no
    call left the last nodes may still answer, and what needs another call ends it; with no word left the search
    ends. Where the plan has a reserve and nothing has answered, the best node from which what is left
    is enough goes straight to an answer.

    Raises:
        BudgetSpent: when a call was due and none was left; what was offered stands.
    """
    root = session.begin("act")
    tree = Tree(session, plan, [Node(root, ROOT, plan.read(session, [root])[0])])
    here: Node | None = None
    count = 0
    while not tree.is_over:
        number = plan.draw(count)
        count += 1
        if last := tree.last_chances():
            tree.force(chosen(last, plan.weigh(last, 0.0), number))
            here = None
            continue
        left = budget_left(plan, tree.used, session.words_used)
        node = here or chosen(tree.nodes, plan.weigh(tree.nodes, left), number)
        found = tree.expand(node)
        here = found if found and found.read > node.read else None
    return tree.best[1]


def budget_left(plan: TreePlan, used: int, words: int) -> float:
    """Return the share of the budget that is left: of calls or expansions, or of words, the scarcer of the two."""
    return max(0.0, min(1 - used / plan.budget, 1 - words / plan.words))


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
    if not is_answer(seq.completion):
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
