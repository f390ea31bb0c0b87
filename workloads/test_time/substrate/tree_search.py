"""Step-wise tree search that a judge guides: what beam, DVTS, REBASE and ETS have in common.

    root -> N children -> score -> which leaves get how many children -> ... -> vote

A node is one step, as its domain marks steps, and everything before it. At each depth every leaf has just been
sampled and scored once. Those that ended are put aside and each takes one from the remaining
width W, which was N; the method says how many children each other leaf gets, W in all; leaves with
none are dropped; the rest is expanded. The search ends when nothing is left to expand.

Ended is what has come to its end, reaches the longest completion that a question can need, or stands
at the deepest depth of its domain; all of them vote, and cut ones state nothing. Where an end is a
step of its own (`<eos>` of the chain) the children of a complete solution are one word, alike, and as
many as their parent was given. They cost a word each and are what multiplies its vote.

**Random numbers.** Every child is a fork, an only child too. So the i-th child of a node is the
same for every method and allocation: two searches that expand the same node draw the
same steps, as far as both draw. Continuing the parent instead would save nothing (the cache
is shared either way) and would give an only child other words than a first child.

**What the cache holds.** Parents are closed as soon as their children exist; what the children
share stays and an only child takes over even the last block. Per depth two readings: all
unended leaves with what they share (`before`), and those that will be expanded (`after`), for every
method alike. Readings come from the cache and count copies of partly filled blocks too: up
to three positions a leaf.

**Lookahead.** With `ahead`, a leaf that has not ended is worth what the judge thinks of it that many
greedy steps further on. These steps are really made, judged and paid for, and then dropped: children
go on from the leaf. A vote weighs what a completion's own steps are worth.

The judge reads the question before the first fork, so that no child reads it again. Allocation and
votes run in `session.aside()`: their seconds are booked and stay in the latency.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from adabench.harness.contract.card import Point
from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.test_time.substrate.voting import Answer, Completion, aggregate, best, vote


@dataclass(frozen=True, eq=False)
class Node:
    """One step and everything before it."""

    seq: Seq
    parent: "Node | None" = None
    branch: int = -1
    """Which child of the root it descends from."""
    scores: tuple[float, ...] = ()
    """The judge's, one for each whole step so far and one for stopping."""
    ahead: float | None = None
    """What it is worth some steps further on, where a search looked."""

    @property
    def reward(self) -> float:
        """Return what was seen ahead, else the latest score; 0 before there is one."""
        if self.ahead is not None:
            return self.ahead
        return self.scores[-1] if self.scores else 0.0

    @property
    def start(self) -> int:
        """Return where its own words begin."""
        return len(self.parent.seq.ids) if self.parent else 0

    @property
    def words(self) -> tuple[int, ...]:
        """Return its own words, without those of its ancestors."""
        return tuple(self.seq.ids[self.start :])


@dataclass
class Tree:
    """What an allocation may look at."""

    session: Session
    width: int
    """Children that this depth may have."""
    leaves: list[Node] = field(default_factory=list)
    ended: list[Node] = field(default_factory=list)
    depth: int = 0
    """Steps of the leaves."""


Allocation = Callable[[Tree], Sequence[int]]
"""How many children each leaf gets; `tree.width` in all."""


def search(
    session: Session, width: int, allocate: Allocation, point: Point, *, ahead: int = 0
) -> None:
    """Search, and offer the best answer whenever a completion has ended.

    `point` gives the final selection: `select` and `aggregate`.
    """
    root = Node(session.open())
    session.scores([root.seq])
    tree = Tree(session, width)
    parents, counts = [root], [width]
    while parents:
        _expand(session, tree, parents, counts)
        _retire(session, tree, point)
        if ahead and tree.leaves:
            tree.leaves = _foreseen(session, tree.leaves, ahead)
        parents, counts = _selected(session, tree, allocate) if tree.leaves else ([], [])


def _expand(session: Session, tree: Tree, parents: Sequence[Node], counts: Sequence[int]) -> None:
    """Make the next depth the tree's leaves: fork, sample one step, score."""
    born: list[tuple[Node, Seq]] = []
    for parent, count in zip(parents, counts, strict=True):
        born += [(parent, child) for child in session.fork(parent.seq, count)]
    session.close([parent.seq for parent in parents])
    seqs = [seq for _, seq in born]
    session.step(seqs)
    tree.depth += 1
    tree.leaves = [
        Node(seq, parent, index if parent.parent is None else parent.branch, scores)
        for index, ((parent, seq), scores) in enumerate(
            zip(born, session.scores(seqs), strict=True)
        )
    ]


def _retire(session: Session, tree: Tree, point: Point) -> None:
    """Put aside the leaves that ended, take their number off the width, offer an answer."""
    ended = [leaf for leaf in tree.leaves if _over(session, leaf, tree.depth)]
    if not ended:
        return
    session.close([leaf.seq for leaf in ended])
    gone = set(ended)
    tree.leaves = [leaf for leaf in tree.leaves if leaf not in gone]
    tree.ended += ended
    tree.width -= len(ended)
    with session.aside():
        session.offer(choose_completion(tree.ended, point, session.answer))


def _over(session: Session, leaf: Node, depth: int) -> bool:
    return _done(session, leaf.seq) or depth >= session.deepest


def _foreseen(session: Session, leaves: Sequence[Node], steps: int) -> list[Node]:
    """Return leaves with what they are worth some greedy steps further on; these are not kept."""
    rolled = [session.fork(leaf.seq, 1)[0] for leaf in leaves]
    for _ in range(steps):
        session.step([seq for seq in rolled if not _done(session, seq)], temperature=0.0)
    scores = session.scores(rolled)
    session.close(rolled)
    return [
        replace(leaf, ahead=row[-1] if row else 0.0)
        for leaf, row in zip(leaves, scores, strict=True)
    ]


def _done(session: Session, seq: Seq) -> bool:
    return session.ended(seq) or len(seq.ids) - seq.start >= session.room


def _selected(session: Session, tree: Tree, allocate: Allocation) -> tuple[list[Node], list[int]]:
    """Return the leaves that will be expanded with their numbers of children; drop the others."""
    session.weigh("before")
    with session.aside():
        counts = allocate(tree)
    session.close([leaf.seq for leaf, count in zip(tree.leaves, counts, strict=True) if count == 0])
    session.weigh("after")
    kept = [(leaf, count) for leaf, count in zip(tree.leaves, counts, strict=True) if count]
    return [leaf for leaf, _ in kept], [count for _, count in kept]


def choose_completion(ended: Sequence[Node], point: Point, answer: Answer) -> Completion:
    """Return the winning completion: `select` is vote or best, `aggregate` makes the weights."""
    completions = [node.seq.completion for node in ended]
    weights = [aggregate(node.scores, str(point["aggregate"])) for node in ended]
    return (vote if point["select"] == "vote" else best)(completions, weights, answer)
