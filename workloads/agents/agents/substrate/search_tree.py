"""A tree over the steps of one request's episodes, as LATS grows it; what chooses in it is handed over.

    select      from the root to a node without children, by `choose`
    expand      its children, all in one batch; each is valued
    simulate    on from the child of most value, with children at each depth, to an end
    back up     what the critic says of the end, to every node above
    reflect     on an end that is held to be wrong; what it says opens another trunk

Visits and summed rewards stand in the nodes: without them it would be sampling.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from adabench.workloads.agents.substrate.serving.branches import Branch
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids


@dataclass(eq=False)
class Node:
    """A step of an episode."""

    branch: Branch | None
    """None: the root, above the trunks."""
    parent: "Node | None" = None
    value: float = 0.5
    """Before any visit: the head's, or the critic's of an end."""
    visits: int = 0
    reward: float = 0.0
    """Summed over visits."""
    children: list["Node"] = field(default_factory=list)
    is_end: bool = False


Choose = Callable[[Sequence[Node]], Node]
"""Among the children of one node."""


@dataclass(frozen=True)
class SearchPlan:
    """How a tree is grown."""

    children: int
    iterations: int
    accept: float
    """How sure the critic must be for the search to end."""
    choose: Choose
    """In selection."""
    follow: Choose
    """In simulation."""
    deepest: int = 24


def uct(nodes: Sequence[Node], exploration: float) -> Node:
    """Return the node of the highest V/N + c sqrt(ln N_parent / N); the first of equals.

    One without a visit has the value that it was given, and counts as visited once.
    """

    def bound(node: Node) -> float:
        above = max(1, node.parent.visits if node.parent else 1)
        mean = node.reward / node.visits if node.visits else node.value
        return mean + exploration * math.sqrt(math.log(above) / max(1, node.visits))

    return max(nodes, key=bound)


def most_valued(nodes: Sequence[Node]) -> Node:
    """Return the node of the highest value; the first of equals."""
    return max(nodes, key=lambda node: node.value)


def path(node: Node) -> Iterator[Node]:
    """Yield a node and those above it."""
    here: Node | None = node
    while here is not None:
        yield here
        here = here.parent


def back_up(node: Node, reward: float) -> None:
    """Count a visit and its reward at a node and at all above it."""
    for one in path(node):
        one.visits += 1
        one.reward += reward


def search(desk: Desk, plan: SearchPlan) -> Agent:
    """Grow a tree, and offer the answer that the critic is surest of."""
    root, hints, best = Node(None), [], -1.0
    _add_trunk(desk, root, ())
    for _ in range(plan.iterations):
        node = root
        while node.children:
            node = plan.choose(node.children)
        depth = sum(1 for _ in path(node))
        while not node.is_end and depth < plan.deepest:
            yield from _expand(desk, node, plan)
            node, depth = plan.follow(node.children), depth + 1
        assert node.branch is not None
        back_up(node, node.value)
        if node.value > best:
            best = node.value
            desk.offer(node.branch)
        if best >= plan.accept:
            return
        (hint,) = yield desk.reflect([node.branch])
        if hint is not None and hint not in hints:
            hints.append(hint)
            _add_trunk(desk, root, (hint,))


def _add_trunk(desk: Desk, root: Node, hints: tuple[Ids, ...]) -> None:
    """Open another beginning of the episode, with reflections in its prompt."""
    root.children.append(Node(desk.begin("act", hints), root))


def _expand(desk: Desk, node: Node, plan: SearchPlan) -> Agent:
    """Give a node its children: one step each, valued by the head, or at an end by the critic."""
    assert node.branch is not None
    branches = desk.fork(node.branch, plan.children)
    yield desk.advance(branches, 1.0)
    distinct = list({desk.words(branch): branch for branch in reversed(branches)}.values())[::-1]
    ends = [branch for branch in distinct if desk.ended(branch)]
    open_ = [branch for branch in distinct if not desk.ended(branch)]
    sure = dict(zip(ends, (yield desk.check(ends)), strict=True)) if ends else {}
    read = dict(zip(open_, desk.values(open_), strict=True)) if open_ else {}
    for branch in distinct:
        is_end = branch in sure
        wrong = is_end and desk.answer(branch) is None
        value = 0.0 if wrong else sure[branch] if is_end else read[branch]
        node.children.append(Node(branch, node, value, is_end=is_end))
