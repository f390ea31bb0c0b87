"""What a method's source may not name: the first of the checks that a task makes of its methods.

A source that reaches for the task's books, for a sibling method, or for Python's back doors is
refused before it is run. This catches honest mistakes and the usual ways to fake a result; it
proves nothing, and what a method imports from elsewhere is not read.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

BACK_DOORS = frozenset(("gc", "inspect", "sys", "ctypes", "importlib"))
BOOKS = "adabench.workloads.shared.counting.answer_ledger"
REFLECTION = frozenset(("getattr", "setattr", "vars", "eval", "exec", "__import__"))


def nothing_more(node: ast.AST) -> Iterator[str]:
    """Find nothing else wrong with a node."""
    yield from ()


@dataclass(frozen=True)
class Rules:
    """What the methods of one task leave alone."""

    folder: str
    """The dotted name of the task's package; its `substrate` is what methods may import of it."""
    off_limits: frozenset[str]
    """Attributes and imported names that no honest method needs."""
    strings: frozenset[str] = frozenset()
    """Words that no string may consist of."""
    names: frozenset[str] = frozenset()
    """Bare names, beside those of reflection."""
    more: Callable[[ast.AST], Iterator[str]] = nothing_more
    """Further rules of the task: what a node names that it should not."""
    who: str = "policy"

    def problems(self, text: str) -> Iterator[str]:
        """Say which lines of a source name what a method has no business with."""
        for line, name in self.found(ast.parse(text)):
            yield self.sentence(line, name)

    def sentence(self, line: int, name: str) -> str:
        """Return what is said about a name on a line."""
        return f"It reaches for {name!r} on line {line}: no {self.who} needs it."

    def found(self, tree: ast.AST) -> Iterator[tuple[int, str]]:
        """Yield the line and the name of each thing that a method must leave alone."""
        for node in ast.walk(tree):
            for name in (*self._reached(node), *self.more(node)):
                yield getattr(node, "lineno", 0), name

    def _reached(self, node: ast.AST) -> Iterator[str]:
        """Yield what one node names of them."""
        match node:
            case ast.Attribute(attr=name) if name in self.off_limits:
                yield name
            case ast.Name(id=name) if name in REFLECTION or name in self.names:
                yield name
            case ast.Constant(value=str(name)) if name in self.strings:
                yield name
            case ast.Import(names=names):
                yield from (one.name for one in names if self._barred(one.name))
            case ast.ImportFrom(module=module, names=names, level=level):
                source = f"{self.folder}.{module or ''}".rstrip(".") if level else str(module)
                yield from (one.name for one in names if self._refused(source, one.name))

    def _refused(self, source: str, name: str) -> bool:
        """Tell whether `from source import name` is out of bounds."""
        return name in self.off_limits or self._barred(source) or self._barred(f"{source}.{name}")

    def _barred(self, module: str) -> bool:
        """Tell whether a module is a sibling method, the check, the task, or a way around them."""
        if module.startswith(f"{self.folder}."):
            return module.removeprefix(f"{self.folder}.").partition(".")[0] != "substrate"
        return module == BOOKS or module.partition(".")[0] in BACK_DOORS
