"""Where a card stands in a source file: the expression behind `CARD =`, found by parsing no more than it takes."""

import ast
import contextlib
import re
from pathlib import Path

from adabench.harness.errors import MethodContractError

_CARD_LINE = re.compile(rb"^CARD\s*[:=]", re.MULTILINE)
_NEXT_STATEMENT = re.compile(rb"^[^\s)\]}#]", re.MULTILINE)
NO_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What parsing raises, of what is nested too deeply too."""


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
