"""Length-aware tree search for a path of layers that answers one question.

A state is a path, the root runs every layer once. Actions: leave out one or two consecutive entries, or run one
entry once more (at most two passes of a layer). A simulation descends to a node with an untried action, at each
node to a random child with probability 0.1, else to that with the largest

    Q / n + c sqrt(ln N / n) - lambda |path| / L            c = 1.8, lambda = 3.0

and expands one action; the new path's reward is 1 if all three answers are right (on each `Look`), else 0. A
search ends early when it has repaired a wrong answer, or holds a right path at least two layers shorter than L.
The shortest right path wins, then the one with fewer distinct layers, then the one that leaves out later layers.

All questions are searched in step, and a round's paths are evaluated in one forward. Actions of a node are
shuffled by seed and path, so that questions which could take the same path find the same one.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.paths.path_forward import MOST, entries, right

Path = tuple[int, ...]
"""Passes of each layer."""
Look = tuple[Tensor, Tensor]
"""Questions with their answers, [n, T], and the lengths of their prompts, [n]."""
EXPLORE, LENGTH_PRICE, RANDOM_CHILD = 1.8, 3.0, 0.1
SHORTER = 2
"""A right path so many layers shorter ends the search."""


@dataclass
class Node:
    """A path in a question's tree."""

    path: Path
    untried: list[Path]
    n: int = 0
    q: float = 0.0
    children: list["Node"] = field(default_factory=list)


@dataclass
class Tree:
    """The search of one question."""

    root: Node
    random: random.Random
    known: dict[Path, bool] = field(default_factory=dict)
    line: list[Node] = field(default_factory=list)
    """Nodes of the simulation under way."""

    @property
    def done(self) -> bool:
        """Whether it may stop early."""
        first = self.root.path
        if first not in self.known:
            return False
        good = [path for path, is_right in self.known.items() if is_right]
        repaired = not self.known[first] and bool(good)
        return repaired or any(sum(path) <= sum(first) - SHORTER for path in good)


@dataclass(frozen=True)
class Found:
    """What a search found for each question."""

    passes: Tensor
    """The best right path, [n, L]; the default where there is none."""
    solved: Tensor
    """Has it a right path, [n]."""
    before: Tensor
    """Was the default path right, [n]."""
    forwards: int = 0


def moves(path: Path) -> list[Path]:
    """Return the paths that one action makes of `path`; none is empty."""
    line = entries(path)
    found: dict[Path, None] = {}
    for taken in (1, 2):
        for at in range(len(line) - taken + 1):
            rest = line[:at] + line[at + taken :]
            if rest:
                found[tuple(rest.count(layer) for layer in range(len(path)))] = None
    for layer, times in enumerate(path):
        if 0 < times < MOST:
            found[(*path[:layer], times + 1, *path[layer + 1 :])] = None
    return list(found)


def search(model: Backbone, looks: Sequence[Look], *, simulations: int, seed: int) -> Found:
    """Search paths for questions; with several looks a path is right if it is at each of them."""
    ran = [0]

    def judge(rows: Sequence[int], paths: Sequence[Path]) -> list[bool]:
        index = torch.tensor(rows)
        part = [(tokens[index], lengths[index]) for tokens, lengths in looks]
        good = holds(model, part, torch.tensor(paths), ran)
        return [bool(each) for each in good]

    n, layers = len(looks[0][0]), model.shape.layers
    found = searched(judge, n, layers, simulations=simulations, seed=seed)
    return replace(found, forwards=ran[0])


def holds(
    model: Backbone, looks: Sequence[Look], passes: Tensor, ran: list[int] | None = None
) -> Tensor:
    """Return which paths are right at every look, [n]; the first entry of `ran` counts forwards."""
    good = torch.ones(len(passes), dtype=torch.bool)
    for tokens, lengths in looks:
        left = good.nonzero()[:, 0]
        if not len(left):
            break
        with torch.inference_mode(), one_thread():
            good[left] = right(model, tokens[left], lengths[left], passes[left])
        if ran is not None:
            ran[0] += len(left)
    return good


def searched(
    judge: Callable[[Sequence[int], Sequence[Path]], list[bool]],
    n: int,
    layers: int,
    *,
    simulations: int,
    seed: int,
) -> Found:
    """Run the searches of n questions in step; `judge` says which (question, path) are right."""
    trees = [Tree(_node((1,) * layers, seed), random.Random(f"{seed} {row}")) for row in range(n)]
    for _ in range(simulations):
        asked = [(row, _descend(tree, seed)) for row, tree in enumerate(trees) if not tree.done]
        fresh = [(row, path) for row, path in asked if path not in trees[row].known]
        if fresh:
            good = judge([row for row, _ in fresh], [path for _, path in fresh])
            for (row, path), is_right in zip(fresh, good, strict=True):
                trees[row].known[path] = is_right
        for row, path in asked:
            _back_up(trees[row], float(trees[row].known[path]))
    best = [_best(tree) for tree in trees]
    return Found(
        torch.tensor([path or tree.root.path for path, tree in zip(best, trees, strict=True)]),
        torch.tensor([path is not None for path in best]),
        torch.tensor([tree.known[tree.root.path] for tree in trees]),
    )


def _node(path: Path, seed: int) -> Node:
    untried = moves(path)
    random.Random(f"{seed} {path}").shuffle(untried)
    return Node(path, untried)


def _descend(tree: Tree, seed: int) -> Path:
    """Walk to the node of this simulation, expanding one; return its path."""
    node = tree.root
    tree.line = [node]
    while node.n and not node.untried and node.children:
        node = _child(tree, node)
        tree.line.append(node)
    if node.n and node.untried:
        child = _node(node.untried.pop(), seed)
        node.children.append(child)
        tree.line.append(child)
        node = child
    return node.path


def _child(tree: Tree, node: Node) -> Node:
    if tree.random.random() < RANDOM_CHILD:
        return tree.random.choice(node.children)
    total = math.log(tree.root.n)
    layers = len(node.path)

    def worth(child: Node) -> float:
        bonus = EXPLORE * math.sqrt(total / child.n) if child.n else math.inf
        value = child.q / child.n if child.n else 0.0
        return value + bonus - LENGTH_PRICE * sum(child.path) / layers

    return max(node.children, key=worth)


def _back_up(tree: Tree, reward: float) -> None:
    for node in tree.line:
        node.n += 1
        node.q += reward


def _best(tree: Tree) -> Path | None:
    """Return the shortest right path, ties to fewer distinct layers, then to early layers."""
    good = [path for path, is_right in tree.known.items() if is_right]
    if not good:
        return None
    return min(good, key=lambda p: (sum(p), sum(t > 0 for t in p), tuple(-t for t in p)))
