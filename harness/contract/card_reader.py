"""Finds the expression of a card in a source file, and evaluates it without running any code of its author.

A card is written in literals and in the constructors of `card.py`: text, numbers, True, False and None, tuples,
lists and dictionaries of these, a sign, the four operations of arithmetic on numbers, and
`Card(...)`, `Claim(...)`, `Ratio(...)`. Nothing else is evaluated: no attribute, no index, no comprehension, no
function, no formatted text. So listing, planning or refusing a file never executes it.
"""

import ast
import contextlib
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from adabench.harness.contract import card as vocabulary
from adabench.harness.errors import MethodContractError

CONSTRUCTORS: Mapping[str, Callable[..., Any]] = {
    name: kind for name, kind in vars(vocabulary).items()
    if isinstance(kind, type) and is_dataclass(kind)
}  # fmt: skip
"""What a card may call."""
ARITHMETIC: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
SIGNS: Mapping[type, Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
MOST_SHOWN = 60
"""Characters of an expression that an error repeats."""
_CARD_LINE = re.compile(rb"^CARD\s*[:=]", re.MULTILINE)
_NEXT_STATEMENT = re.compile(rb"^[^\s)\]}#]", re.MULTILINE)
NO_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What parsing raises, of what is nested too deeply too."""
HINT = "Use only literals and the names of adabench.harness.contract.card in it."


def card_value(expression: ast.expr, file: str) -> Any:
    """Return what an expression of literals and constructors comes to; `file` is for errors.

    Raises:
        MethodContractError: for anything else in it, named with its line, and for what a
            constructor refuses.
    """
    try:
        return _value(expression)
    except _NoLiteral as other:
        said = ast.unparse(other.node)
        short = said if len(said) <= MOST_SHOWN else f"{said[:MOST_SHOWN]}..."
        raise MethodContractError(
            f"the CARD of {file} cannot be read: line {other.node.lineno} says {short}, "
            "and a card is not executed.", HINT,
        ) from None  # fmt: skip
    except (
        TypeError,
        ValueError,
        ArithmeticError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as broken:
        raise MethodContractError(
            f"the CARD of {file} cannot be read: {type(broken).__name__}: {broken}.", HINT
        ) from broken


class _NoLiteral(Exception):
    """An expression that is neither literal nor constructor."""

    def __init__(self, node: ast.expr) -> None:
        super().__init__()
        self.node = node


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=str() | int() | float() | None):
            return node.value
        case ast.Tuple(elts=elements):
            return tuple(map(_value, elements))
        case ast.List(elts=elements):
            return list(map(_value, elements))
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {
                _value(key): _value(value) for key, value in zip(keys, values, strict=True) if key
            }
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in SIGNS:
            return SIGNS[type(sign)](_number(operand))
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in ARITHMETIC:
            return ARITHMETIC[type(operation)](_number(left), _number(right))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=named) if name in CONSTRUCTORS:
            given = {word.arg: _value(word.value) for word in named if word.arg}
            if len(given) == len(named):  # no ** among them
                return CONSTRUCTORS[name](*map(_value, args), **given)
    raise _NoLiteral(node)


def _number(node: ast.expr) -> float:
    found = _value(node)
    if not isinstance(found, int | float):
        raise _NoLiteral(node)
    return found


def card_expression(path: Path) -> ast.expr | None:
    """Return the right-hand side of `CARD = ...`; None if the file has none.

    Only what stands above the card, and the card, is parsed: listing reads hundreds of files, and
    most of each is code below its card.

    Raises:
        MethodContractError: if that much of the file is not valid Python.
    """
    source = path.read_bytes()
    line = _CARD_LINE.search(source)
    if line is None:
        return None
    for next_statement in _NEXT_STATEMENT.finditer(source, line.end()):
        with contextlib.suppress(*NO_PYTHON):  # inside the card, or a docstring
            expression = _card_in(ast.parse(source[: next_statement.start()]))
            if expression is not None:
                return expression
    try:
        return _card_in(ast.parse(source, filename=str(path)))
    except NO_PYTHON as broken:
        raise MethodContractError(f"{path.name} is not valid Python: {broken}") from broken


def _card_in(tree: ast.Module) -> ast.expr | None:
    return next(filter(None, map(_right_hand_side, tree.body)), None)


def _right_hand_side(node: ast.stmt) -> ast.expr | None:
    """Return the right-hand side of `CARD = ...`."""
    if isinstance(node, ast.AnnAssign):
        targets: list[ast.expr] = [node.target]
    elif isinstance(node, ast.Assign):
        targets = node.targets
    else:
        return None
    named = any(isinstance(target, ast.Name) and target.id == "CARD" for target in targets)
    return node.value if named else None
