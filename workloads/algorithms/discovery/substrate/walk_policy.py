"""Policies of walks: a small typed language, as text, as trees, and as data for the compiled walk.

    kick = calm > 50000 and above < 2        a truth: disturb the construction now
    back = since > 3000000                   a truth: return to the best one
    heat = 2                                 a number: how much worse a move may be
    reach = min(1, 0.1 + spent / 1000000)    a number between 0 and 1: how far a move goes

Text is Python's own for expressions and is read by `ast`; nothing of it is executed. Operators: + - * / min max,
< >, and or not, `a if c else b`. Names: `walk_kernel.FEATURES`. An expression has at most `MOST_NODES` nodes.
"""

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.discovery.substrate import walk_kernel as kernel
from adabench.workloads.algorithms.discovery.substrate.walk_kernel import FEATURES, Floats, Ints

Sort = Literal["number", "truth"]


class Form(NamedTuple):
    """What an operator takes, what it makes, and how it is written."""

    code: int
    makes: Sort
    takes: tuple[Sort, ...]
    text: str


_TWO: tuple[Sort, ...] = ("number", "number")
FORMS: Mapping[str, Form] = {
    "+": Form(kernel.ADD, "number", _TWO, "({} + {})"),
    "-": Form(kernel.SUB, "number", _TWO, "({} - {})"),
    "*": Form(kernel.MUL, "number", _TWO, "({} * {})"),
    "/": Form(kernel.DIV, "number", _TWO, "({} / {})"),
    "min": Form(kernel.MIN, "number", _TWO, "min({}, {})"),
    "max": Form(kernel.MAX, "number", _TWO, "max({}, {})"),
    "<": Form(kernel.LESS, "truth", _TWO, "({} < {})"),
    "and": Form(kernel.AND, "truth", ("truth", "truth"), "({} and {})"),
    "or": Form(kernel.OR, "truth", ("truth", "truth"), "({} or {})"),
    "not": Form(kernel.NOT, "truth", ("truth",), "(not {})"),
    "if": Form(kernel.IF, "number", ("number", "number", "truth"), "({0} if {2} else {1})"),
}
PARTS: Mapping[str, Sort] = {"kick": "truth", "back": "truth", "heat": "number", "reach": "number"}
MOST_NODES, MOST_DEPTH, MOST_SIGNS = 60, 12, 10_000
LARGEST = 1e9
"""Of a constant."""
_OPERATORS: Mapping[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.And: "and", ast.Or: "or",
}  # fmt: skip


@dataclass(frozen=True)
class Node:
    """An expression: an operator of `FORMS` with its parts, a feature, a number or a truth."""

    op: str
    parts: tuple["Node", ...] = ()
    value: float = 0.0

    @property
    def sort(self) -> Sort:
        """Return what it is: a number or a truth."""
        if self.op in FORMS:
            return FORMS[self.op].makes
        return "truth" if self.op == "truth" else "number"

    def __str__(self) -> str:
        """Return it as text that is read as this very expression."""
        if self.op == "number":
            return f"{self.value:.6g}"
        if self.op == "truth":
            return str(bool(self.value))
        form = FORMS.get(self.op)
        return self.op if form is None else form.text.format(*self.parts)

    def places(self, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], "Node"]]:
        """Yield every expression in it, itself first, with the way to it."""
        yield path, self
        for k, part in enumerate(self.parts):
            yield from part.places((*path, k))

    def put(self, path: tuple[int, ...], other: "Node") -> "Node":
        """Return it with another expression at a place."""
        if not path:
            return other
        k = path[0]
        changed = (*self.parts[:k], self.parts[k].put(path[1:], other), *self.parts[k + 1 :])
        return Node(self.op, changed, self.value)


@dataclass(frozen=True)
class Policy:
    """What steers a walk."""

    kick: Node
    back: Node
    heat: Node
    reach: Node

    @property
    def parts(self) -> dict[str, Node]:
        """Return its expressions by name."""
        return {name: getattr(self, name) for name in PARTS}

    @property
    def nodes(self) -> int:
        """Return how large it is."""
        return sum(1 for part in self.parts.values() for _ in part.places())

    def __str__(self) -> str:
        """Return it as text, a line for each expression."""
        return "\n".join(f"{name} = {part}" for name, part in self.parts.items())

    def code(self) -> tuple[Floats, Ints]:
        """Return it as the walk reads it: postfix rows (n, 2), and where each expression ends (4,)."""
        rows: list[tuple[int, float]] = []
        ends = []
        for part in self.parts.values():
            _emit(part, rows)
            ends.append(len(rows))
        return np.array(rows, np.float64), np.array(ends, np.int64)


def _emit(node: Node, rows: list[tuple[int, float]]) -> None:
    for part in node.parts:
        _emit(part, rows)
    if node.op in FORMS:
        rows.append((FORMS[node.op].code, 0.0))
    elif node.op in FEATURES:
        rows.append((kernel.FEATURE, float(FEATURES.index(node.op))))
    else:
        rows.append((kernel.CONSTANT, node.value))


def number(value: float) -> Node:
    """Return a constant."""
    return Node("number", (), float(f"{max(-LARGEST, min(LARGEST, value)):.6g}"))


def truth(value: bool) -> Node:
    """Return True or False."""
    return Node("truth", (), float(value))


def is_small(policy: Policy) -> bool:
    """Say whether a policy keeps to the sizes that a walk can read."""
    deepest = max(len(path) for part in policy.parts.values() for path, _ in part.places())
    return policy.nodes <= MOST_NODES and deepest <= MOST_DEPTH


def parse(text: str) -> Policy:
    """Read a policy: four lines `name = expression`, in any order.

    Raises:
        MethodContractError: with what is wrong with the text.
    """
    if len(text) > MOST_SIGNS:
        raise _bad(f"it has {len(text):,} characters, and at most {MOST_SIGNS:,} are read")
    try:
        lines = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as broken:
        raise _bad(f"it is no Python ({type(broken).__name__})") from None
    found: dict[str, Node] = {}
    for line in lines:
        match line:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in PARTS:
                found[name] = _node(value, 0)
                if found[name].sort != PARTS[name]:
                    raise _bad(f"{name} is a {found[name].sort} and should be a {PARTS[name]}")
            case _:
                raise _bad(f"line {line.lineno} does not say `name = expression`")
    missing = [name for name in PARTS if name not in found]
    if missing:
        raise _bad(f"{' and '.join(missing)} are missing")
    policy = Policy(**found)
    if not is_small(policy):
        raise _bad(f"it has more than {MOST_NODES} nodes, or is {MOST_DEPTH} deep")
    return policy


def _node(tree: ast.AST, depth: int) -> Node:
    if depth > 4 * MOST_DEPTH:
        raise _bad("it is nested too deeply")

    def read(*parts: ast.AST) -> tuple[Node, ...]:
        return tuple(_node(part, depth + 1) for part in parts)

    match tree:
        case ast.Constant(value=bool(value)):
            return truth(value)
        case ast.Constant(value=int(value) | float(value)) if -LARGEST <= value <= LARGEST:
            return number(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value) | float(value))):
            return number(-min(value, LARGEST)) if not math.isnan(value) else number(0.0)
        case ast.Name(id=name) if name in FEATURES:
            return Node(name)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _made(_OPERATORS[type(op)], *read(left, right))
        case ast.Compare(left=left, ops=[ast.Lt()], comparators=[right]):
            return _made("<", *read(left, right))
        case ast.Compare(left=left, ops=[ast.Gt()], comparators=[right]):
            return _made("<", *read(right, left))
        case ast.BoolOp(op=op, values=[first, *rest]):
            node = _node(first, depth + 1)
            for other in rest:
                node = _made(_OPERATORS[type(op)], node, _node(other, depth + 1))
            return node
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return _made("not", *read(part))
        case ast.IfExp(test=test, body=body, orelse=other):
            return _made("if", *read(body, other, test))
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=[left, right], keywords=[]):
            return _made(name, *read(left, right))
    raise _bad(f"{ast.unparse(tree)[:60]!r} is not in its language")


def _made(op: str, *parts: Node) -> Node:
    wrong = [part for part, sort in zip(parts, FORMS[op].takes, strict=True) if part.sort != sort]
    if wrong:
        raise _bad(f"{str(wrong[0])[:60]!r} is a {wrong[0].sort}, which `{op}` does not take there")
    return Node(op, parts)


def _bad(what: str) -> MethodContractError:
    return MethodContractError(
        f"That is no policy of a walk: {what}.",
        "Write kick, back, heat and reach as in walk_policy.py.",
    )
