"""The source text of a function or class of a notebook, and the names that it takes from outside.

A notebook's cells have no file that another process could import, but Python remembers their
lines. What was changed since it was defined is noticed by its bytecode and refused.
"""

import ast
import inspect
import linecache
import symtable
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from adabench.harness.errors import MethodContractError

AS_A_FILE = (
    "Write the method into a file with a CARD and hand that over: "
    "adabench.add_method({!r}, 'mine.py')."
)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class SourceText:
    """A definition as it was written, without the decorators that are not its own."""

    text: str
    names: frozenset[str]
    """Global names that it uses, annotations apart: they are never evaluated."""
    attributes: frozenset[str]
    """Dotted names that it reads: `scipy.optimize` is one."""


def plain_function(value: object) -> FunctionType | None:
    """Return the function that decorators were put around; None for what is no function."""
    try:
        found = inspect.unwrap(value)  # type: ignore[arg-type]
    except ValueError:
        return None
    found = getattr(found, "py_func", found)
    return found if isinstance(found, FunctionType) else None


def read_source(
    value: object, address: str, is_ours: Callable[[ast.expr], bool] = lambda _: False
) -> SourceText:
    """Return the text of a function or class; `is_ours` tells decorators that are left out.

    Raises:
        MethodContractError: for a lambda, a closure, or what Python has no lines of.
    """
    name = getattr(value, "__name__", repr(value))
    codes = [function.__code__ for function in _functions(value)]
    if not codes:
        raise _refusal(f"{name} is no function and no class with functions.", address)
    if name == "<lambda>":
        raise _refusal("A lambda has no lines of its own that another process could read.", address)
    for code in codes:
        outside = [free for free in code.co_freevars if free != "__class__"]
        if outside:
            raise _refusal(
                f"{name} is a closure over {', '.join(outside)}, which another process cannot see.",
                address,
            )
    lines = linecache.getlines(codes[0].co_filename, dict(outer_names(value)))
    node = _definition("".join(lines), value, codes)
    if node is None:
        raise _refusal(f"Python has not kept the lines of {name}, or they have changed.", address)
    text = _without(lines, node, [one for one in node.decorator_list if is_ours(one)])
    kept = ast.parse(text).body[0]
    return SourceText(text, frozenset(_global_names(kept)), frozenset(_dotted(kept)))


def _refusal(sentence: str, address: str) -> MethodContractError:
    return MethodContractError(sentence, AS_A_FILE.format(address))


def outer_names(value: object) -> Mapping[str, Any]:
    """Return the global names that a function or class was defined among."""
    return next((function.__globals__ for function in _functions(value)), {})


def _functions(value: object) -> Iterator[FunctionType]:
    """Yield a function without its decorators, or those of a class."""
    if not isinstance(value, type):
        function = plain_function(value)
        if function is not None:
            yield function
        return
    for part in vars(value).values():
        inner = plain_function(getattr(part, "__func__", getattr(part, "fget", part)))
        own = inner is not None and inner.__qualname__.startswith(f"{value.__qualname__}.")
        if own and inner is not None and inner.__code__.co_filename != "<string>":  # a dataclass's
            yield inner


def _definition(text: str, value: object, codes: list[CodeType]) -> Definition | None:
    """Find the definition in the text of its file or cell; None if it is no longer the one there."""
    try:
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        tree, whole = ast.parse(text), compile(text, "<cell>", "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    if not {_meaning(code) for code in codes} <= {_meaning(code) for code in _inside(whole)}:
        return None
    kind = ast.ClassDef if isinstance(value, type) else (ast.FunctionDef, ast.AsyncFunctionDef)
    first = codes[0].co_firstlineno
    name = value.__name__ if isinstance(value, type) else codes[0].co_name
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, kind) and node.name == name and _first(node) <= first <= _last(node)
    ]
    return found[-1] if found else None


def _inside(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inside(constant)


def _meaning(code: CodeType) -> tuple[object, ...]:
    """Return what two codes of one text have in common."""
    plain = tuple(map(repr, (c for c in code.co_consts if not isinstance(c, CodeType | frozenset))))
    return code.co_name, code.co_firstlineno, code.co_code, code.co_names, code.co_varnames, plain


def _first(node: Definition) -> int:
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


def _last(node: Definition) -> int:
    return node.end_lineno or node.lineno


def _without(lines: list[str], node: Definition, decorators: list[ast.expr]) -> str:
    """Return the lines of a definition without some of its decorators, which have lines of their own."""
    gone = {n for one in decorators for n in range(one.lineno, (one.end_lineno or one.lineno) + 1)}
    rows = [lines[n - 1] for n in range(_first(node), _last(node) + 1) if n not in gone]
    return textwrap.dedent("".join(rows)).rstrip() + "\n"


def _global_names(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a definition takes from its module or from Python's own."""
    own = getattr(node, "name", "")
    bare = _WithoutAnnotations().visit(ast.parse(ast.unparse(node)))
    table = symtable.symtable(ast.unparse(bare), "<cell>", "exec")
    waiting = [table]
    while waiting:
        scope = waiting.pop()
        waiting += scope.get_children()
        for symbol in scope.get_symbols():
            outer = symbol.is_global() or (scope is table and symbol.is_referenced())
            if outer and symbol.get_name() != own:
                yield symbol.get_name()


class _WithoutAnnotations(ast.NodeTransformer):
    """Takes annotations away: `from __future__ import annotations` leaves them unevaluated."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(0)
        return self.generic_visit(node)


def _dotted(node: ast.AST) -> Iterator[str]:
    """Yield the dotted names that are read: `a.b` and `a.b.c` of `a.b.c()`."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute):
            text = ast.unparse(inner)
            if text.replace(".", "").replace("_", "").isalnum():
                yield text
