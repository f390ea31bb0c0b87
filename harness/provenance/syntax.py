"""One Python file as what it does: its syntax tree without prose, apart from what it imports.

Two files are the same here if they differ in comments, docstrings, line breaks or quotes only.
Every string that stands alone counts as prose, wherever it stands; so does `pass`, which a
docstring can replace. What stands under `if TYPE_CHECKING:` never runs and does not count either.

Imports are taken out of the tree in runs, in which their order does not matter, as sorting them is
the formatter's business. A run keeps its place: an import that moves into a function is a change.

The tree is written down by hand, since `ast.dump` writes other text in Python 3.13 than in 3.11.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path


@dataclass(frozen=True, order=True)
class Import:
    """One name that an import statement binds."""

    module: str
    """As it is written, without leading dots; empty in `from . import x`."""
    name: str
    """What is taken out of the module; empty in `import module`."""
    bound: str
    level: int
    """Leading dots."""


Run = tuple[Import, ...]


@dataclass(frozen=True)
class Syntax:
    """A file's code: digests of what stands between imports, and the runs of imports."""

    parts: tuple[bytes | Run, ...]
    body: bytes
    """A digest of all of it in which imports stand with the names that they bind and no module."""

    @property
    def imports(self) -> Iterator[Import]:
        """Every import that runs, lazy ones included."""
        for part in self.parts:
            if isinstance(part, tuple):
                yield from part


def read(path: Path) -> Syntax:
    """Return the syntax of a file; each content is parsed once.

    Raises:
        OSError: if it cannot be read.
        SyntaxError: if it is no Python.
    """
    return parse(path.read_bytes())


@lru_cache(maxsize=4096)
def parse(text: bytes) -> Syntax:
    """Return the syntax of a source text.

    Raises:
        SyntaxError: if it is no Python.
    """
    writer = _Writer()
    writer.body(ast.parse(text).body)
    writer.end_part()
    return Syntax(tuple(writer.parts), _body(writer.parts))


def _body(parts: Iterable[bytes | Run]) -> bytes:
    mixed = hashlib.sha256()
    for part in parts:
        if isinstance(part, bytes):
            mixed.update(part)
        else:
            mixed.update(repr(sorted((one.bound, one.name) for one in part)).encode())
    return mixed.digest()


class _Writer:
    """Writes a tree down; fields that are empty are left out, as newer versions have more."""

    def __init__(self) -> None:
        self.parts: list[bytes | Run] = []
        self.text: list[str] = []

    def end_part(self) -> None:
        if self.text:
            self.parts.append(
                hashlib.sha256("".join(self.text).encode("utf-8", "replace")).digest()
            )
            self.text = []

    def body(self, statements: Iterable[ast.stmt]) -> None:
        self.text.append("[")
        for is_import, group in groupby(_running(statements), _is_import):
            if is_import:
                self.end_part()
                self.parts.append(tuple(one for node in group for one in _imports(node)))
            else:
                for node in group:
                    self.node(node)
        self.text.append("]")

    def node(self, node: ast.AST) -> None:
        kind = type(node)
        if isinstance(node, ast.JoinedStr):  # Python 3.12 ends some with an empty text
            node.values = [part for part in node.values if not _is_empty(part)]
        self.text.append(f"{kind.__name__}(")
        for field in kind._fields:
            value = getattr(node, field, None)
            if kind is ast.Constant:
                self.text.append(repr(value) if field == "value" else "")
            elif value is not None and value != []:
                self.text.append(f"{field}=")
                self.value(value)
        self.text.append(")")

    def value(self, value: object) -> None:
        if isinstance(value, ast.AST):
            self.node(value)
        elif isinstance(value, list) and isinstance(value[0], ast.stmt):
            self.body(value)
        elif isinstance(value, list):
            self.text.append("[")
            for item in value:
                self.value(item)
                self.text.append(",")
            self.text.append("]")
        else:
            self.text.append(repr(value))


def _running(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that do something."""
    for node in statements:
        match node:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                yield from _running(node.orelse)
            case _:
                yield node


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == ""


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _imports(node: ast.stmt) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for one in node.names:
            yield Import(one.name, "", one.asname or one.name, 0)
    elif isinstance(node, ast.ImportFrom):
        for one in node.names:
            yield Import(node.module or "", one.name, one.asname or one.name, node.level)
