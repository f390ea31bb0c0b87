"""ETS's integer program: which leaves are worth the cache that they and their ancestors hold.

Binaries x_i (keep leaf i), y_j (ancestor j is still needed), c_k (cluster k is covered):

    maximise   sum_i O_i x_i  -  lambda_c (sum_j w_j y_j + sum_i w_i x_i)  +  lambda_s / K sum_k c_k
    where      y_j >= x_i for leaves i under j,     y_j <= sum of x_i under j
               c_k <= sum of x_i in cluster k,      sum_i x_i >= 1

w is 1 / (nodes) for each node, or each node's share of the tokens. Only sharing makes this more
than picking leaves one by one.

**Solved on the tree, exactly.** From the leaves up, each node holds what its subtree can offer: the
best value for every set of clusters covered, its own cost taken off. Children are combined
pairwise. Once all leaves of a cluster lie below a node nobody above can cover it: its bonus is
added and the cluster forgotten. An offer t makes s superfluous if it is worth at least as much
after paying the bonus of every cluster that s covers and t does not. What remains are a handful of
offers, and no solver is called. Where too many remain, `reference` decides: the same program, given
to HiGHS through `scipy.optimize.milp`. Tests hold both against enumeration.

**Ties** go to keeping more leaves: one that costs nothing and brings nothing stays. So lambda_c = 0
keeps everything whatever the coverage is worth, exactly, and ETS is then REBASE; no program is
built for it. (The released code gives every node a bonus of 1e-4 there, to the same end.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from adabench.workloads.test_time.substrate.allocation import allocate_by_score
from adabench.workloads.test_time.substrate.step_clusters import clusters
from adabench.workloads.test_time.substrate.tree_search import Allocation, Node, Tree

TIE = 1e-12
"""What a kept leaf is worth beside everything else."""
MANY = 100
"""Pairs of offers that are still combined; beyond, a general solver is quicker."""
SCALE = 1e4
"""HiGHS stops within 1e-6 of the optimum, whatever it is asked; so it is shown larger numbers."""

Offer = tuple[float, int, int]
"""Value, clusters covered that are still open, leaves kept (both as bits)."""


@dataclass(frozen=True)
class Program:
    """The integer program of one depth. Nodes are numbered root first, leaves last."""

    above: tuple[int, ...]
    """Each node's parent; -1 for the root."""
    costs: tuple[float, ...]
    """lambda_c w of each node."""
    outcomes: tuple[float, ...]
    """O of each leaf."""
    clusters: tuple[int, ...] = ()
    """Each leaf's cluster, 0..K-1; empty drops the coverage term."""
    bonus: float = 0.0
    """lambda_s / K."""

    @property
    def first_leaf(self) -> int:
        """Return the number of the first leaf."""
        return len(self.above) - len(self.outcomes)

    @property
    def covering(self) -> int:
        """Return the number of clusters that count."""
        return max(self.clusters) + 1 if self.clusters and self.bonus else 0

    def path(self, leaf: int) -> list[int]:
        """Return the ancestors of a leaf, nearest first."""
        found, node = [], self.above[self.first_leaf + leaf]
        while node >= 0:
            found.append(node)
            node = self.above[node]
        return found


@dataclass(frozen=True)
class Prices:
    """What ETS weighs, and how."""

    kv: float
    """lambda_c."""
    coverage: float
    """lambda_s."""
    temperature: float
    """T of the allocation."""
    cut: float
    """Distance at which last steps are told apart."""
    by_tokens: bool = False
    """Whether a node costs its share of the tokens, or of the nodes."""
    solver: Literal["tree", "milp"] = "tree"


def prune(prices: Prices) -> Allocation:
    """Return ETS's allocation: keep what the program keeps, give them the full width."""

    def allocate(tree: Tree) -> list[int]:
        rewards = [leaf.reward for leaf in tree.leaves]
        if not prices.kv:
            return allocate_by_score(rewards, tree.width, prices.temperature)
        given = program(tree, prices)
        kept = (solve if prices.solver == "tree" else reference)(given)
        shares = allocate_by_score([rewards[i] for i in kept], tree.width, prices.temperature)
        counts = [0] * len(rewards)
        for leaf, share in zip(kept, shares, strict=True):
            counts[leaf] = share
        return counts

    return allocate


def program(tree: Tree, prices: Prices) -> Program:
    """Return the program of this depth."""
    leaves = tree.leaves
    nodes, above = topology(leaves)
    counts = allocate_by_score([leaf.reward for leaf in leaves], tree.width, prices.temperature)
    sizes = [len(node.seq.ids) - node.start if prices.by_tokens else 1 for node in nodes]
    alike = clusters(tree.session, leaves, prices.cut) if prices.coverage else ()
    return Program(
        above,
        tuple(prices.kv * size / sum(sizes) for size in sizes),
        tuple(count / tree.width for count in counts),
        alike,
        prices.coverage / (max(alike) + 1) if alike else 0.0,
    )


def topology(leaves: Sequence[Node]) -> tuple[list[Node], tuple[int, ...]]:
    """Return leaves of one depth after their distinct ancestors, and each one's parent's place."""
    levels = [list(leaves)]
    while levels[-1][0].parent is not None:
        levels.append(list(dict.fromkeys(node.parent for node in levels[-1] if node.parent)))
    nodes = [node for level in reversed(levels) for node in level]
    places = {node: place for place, node in enumerate(nodes)}
    return nodes, tuple(places[node.parent] if node.parent else -1 for node in nodes)


def objective(program: Program, kept: Sequence[int]) -> float:
    """Return what keeping these leaves is worth, by the definition."""
    needed = {node for leaf in kept for node in program.path(leaf)}
    needed |= {program.first_leaf + leaf for leaf in kept}
    worth = sum(program.outcomes[leaf] for leaf in kept)
    worth -= sum(program.costs[node] for node in needed)
    if program.covering:
        worth += program.bonus * len({program.clusters[leaf] for leaf in kept})
    return worth


def solve(program: Program) -> list[int]:
    """Return the leaves to keep."""
    best = _best(program)
    return reference(program) if best is None else _members(best[2])


def _best(program: Program) -> Offer | None:
    """Return the best offer of the root, or None where there are too many."""
    closing = _closing(program)
    offers: list[list[Offer]] = [[] for _ in program.above]
    for node in range(len(program.above) - 1, -1, -1):
        leaf = node - program.first_leaf
        if leaf >= 0:
            mask = 1 << program.clusters[leaf] if program.covering else 0
            offers[node] = [(program.outcomes[leaf] + TIE, mask, 1 << leaf)]
        settled = [
            _settled(offer, program.costs[node], closing[node], program.bonus)
            for offer in offers[node]
        ]
        if node == 0:
            return max(settled)
        parent, own = program.above[node], _useful(settled, program.bonus)
        if len(offers[parent]) * len(own) > MANY:
            return None
        offers[parent] = _joined(offers[parent], own, program.bonus)
    raise AssertionError("a program has a root")


def _closing(program: Program) -> list[int]:
    """Return the clusters whose leaves all lie below a node and below no child of it."""
    closing = [0] * len(program.above)
    for cluster in range(program.covering):
        nodes = {
            program.first_leaf + leaf for leaf, own in enumerate(program.clusters) if own == cluster
        }
        while len(nodes) > 1:
            nodes = {program.above[node] for node in nodes}
        closing[nodes.pop()] |= 1 << cluster
    return closing


def _settled(offer: Offer, cost: float, closing: int, bonus: float) -> Offer:
    """Take off a node's cost, pay out the clusters that close at it."""
    value, mask, kept = offer
    return value - cost + bonus * (mask & closing).bit_count(), mask & ~closing, kept


def _joined(some: Sequence[Offer], more: Sequence[Offer], bonus: float) -> list[Offer]:
    """Return what two siblings offer: either, or both."""
    both = [(v + w, m | n, k | l) for v, m, k in some for w, n, l in more]
    return _useful([*some, *more, *both], bonus)


def _useful(offers: Sequence[Offer], bonus: float) -> list[Offer]:
    """Drop the offers that another one makes superfluous."""
    useful: list[Offer] = []
    for offer in sorted(offers, key=lambda o: -(o[0] + bonus * o[1].bit_count())):
        value, mask, _ = offer
        if all(v - bonus * (mask & ~m).bit_count() < value for v, m, _ in useful):
            useful.append(offer)
    return useful


def _members(bits: int) -> list[int]:
    return [place for place in range(bits.bit_length()) if bits >> place & 1]


def reference(program: Program) -> list[int]:
    """Return the leaves to keep, by a general solver.

    y_j >= x_i is asked of parent and child alone, which implies it for every ancestor.
    """
    n, first, k = len(program.outcomes), program.first_leaf, program.covering
    gains = np.concatenate((-np.array(program.costs), np.full(k, program.bonus)))
    gains[first : first + n] += np.array(program.outcomes) + TIE
    lowest = np.zeros(len(gains))
    lowest[0] = 1.0  # the root is needed: at least one leaf is kept
    found = milp(
        -SCALE * gains,
        integrality=np.ones(len(gains)),
        bounds=Bounds(lowest, 1.0),
        constraints=LinearConstraint(_constraints(program), 0.0, np.inf),
        options={"mip_rel_gap": 0.0},
    )
    return [leaf for leaf in range(n) if found.x[first + leaf] > 0.5]


def _constraints(program: Program) -> csr_array:
    """Return the rows over (y, x, c), each of which must not be negative."""
    nodes, k = len(program.above), program.covering
    rows = [{program.above[node]: 1.0, node: -1.0} for node in range(1, nodes)]
    below: list[dict[int, float]] = [{node: -1.0} for node in range(program.first_leaf)]
    for node in range(1, nodes):
        below[program.above[node]][node] = 1.0
    covers: list[dict[int, float]] = [{nodes + cluster: -1.0} for cluster in range(k)]
    for leaf, cluster in enumerate(program.clusters if k else ()):
        covers[cluster][program.first_leaf + leaf] = 1.0
    rows += below + covers
    where = np.array([(i, column) for i, row in enumerate(rows) for column in row])
    values = np.array([value for row in rows for value in row.values()])
    return csr_array((values, where.T), shape=(len(rows), nodes + k))
