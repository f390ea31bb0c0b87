"""Mutators of policies: typed changes of the tree, as in genetic programming. No language model is in it.

One of the four parts is drawn, whatever their sizes, and an expression in it:

    constant    multiplies a number by 10^N(0, 1/2), or negates a truth
    feature     puts another feature or operator of the same type in the place of one
    subtree     grows a new expression in the place of one
    wrap        makes an expression a part of a new one
    shrink      puts a part of an expression in its place
    crossover   takes an expression of the inspiration, of the same type
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from adabench.workloads.algorithms.discovery.substrate.walk_kernel import FEATURES
from adabench.workloads.algorithms.discovery.substrate.walk_policy import (
    FORMS,
    PARTS,
    Node,
    Policy,
    Sort,
    is_small,
    number,
    truth,
)

Coins = np.random.Generator
Choice = TypeVar("Choice")
DECADES = 0.5
"""Standard deviation of the change of a constant."""
ATTEMPTS = 20


def grow(sort: Sort, coins: Coins, depth: int = 2) -> Node:
    """Return a random expression; constants are spread evenly over decades, 0.01 to a million."""
    if depth == 0 or coins.random() < 0.4:
        if sort == "truth":
            return truth(bool(coins.random() < 0.5))
        if coins.random() < 0.5:
            return number(10 ** coins.uniform(-2, 6))
        return Node(_one(FEATURES, coins))
    return _over(
        _one([op for op, form in FORMS.items() if form.makes == sort], coins), coins, depth
    )


def _over(op: str, coins: Coins, depth: int) -> Node:
    return Node(op, tuple(grow(sort, coins, depth - 1) for sort in FORMS[op].takes))


def _one(choice: Sequence[Choice], coins: Coins) -> Choice:
    return choice[int(coins.integers(len(choice)))]


def _constant(node: Node, other: Policy, coins: Coins) -> Node | None:
    if node.op == "truth":
        return truth(not node.value)
    if node.op != "number":
        return None
    if node.value == 0.0:
        return number(10 ** coins.uniform(-2, 1))
    return number(node.value * 10 ** coins.normal(0.0, DECADES))


def _feature(node: Node, other: Policy, coins: Coins) -> Node | None:
    if node.op in FEATURES:
        return Node(_one([name for name in FEATURES if name != node.op], coins))
    if node.op not in FORMS:
        return None
    form = FORMS[node.op]
    like = [
        op for op, one in FORMS.items()
        if op != node.op and (one.makes, one.takes) == (form.makes, form.takes)
    ]  # fmt: skip
    return Node(_one(like, coins), node.parts) if like else None


def _subtree(node: Node, other: Policy, coins: Coins) -> Node | None:
    return grow(node.sort, coins)


def _wrap(node: Node, other: Policy, coins: Coins) -> Node | None:
    ops = [op for op, form in FORMS.items() if form.makes == node.sort and node.sort in form.takes]
    made = _over(_one(ops, coins), coins, 2)
    fits = [k for k, sort in enumerate(FORMS[made.op].takes) if sort == node.sort]
    return made.put((_one(fits, coins),), node)


def _shrink(node: Node, other: Policy, coins: Coins) -> Node | None:
    inner = [part for path, part in node.places() if path and part.sort == node.sort]
    return _one(inner, coins) if inner else None


def _crossover(node: Node, other: Policy, coins: Coins) -> Node | None:
    places = (one for part in other.parts.values() for _, one in part.places())
    return _one([one for one in places if one.sort == node.sort], coins)


MUTATORS: Mapping[str, Callable[[Node, Policy, Coins], Node | None]] = {
    "constant": _constant,
    "feature": _feature,
    "subtree": _subtree,
    "wrap": _wrap,
    "shrink": _shrink,
    "crossover": _crossover,
}


def mutate(name: str, policy: Policy, inspiration: Policy, coins: Coins) -> Policy:
    """Return another policy by one mutator; the policy itself if no attempt changed it."""
    for _ in range(ATTEMPTS):
        part = _one([*PARTS], coins)
        path, node = _one([*policy.parts[part].places()], coins)
        made = MUTATORS[name](node, inspiration, coins)
        if made is None or made == node:
            continue
        changed = replace(policy, **{part: policy.parts[part].put(path, made)})
        if is_small(changed):
            return changed
    return policy
