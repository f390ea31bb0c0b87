"""Checks what a method's source imports and names, before it is run.

Of adabench a method imports `COMMON` without `counting`, the `substrate` of its task and family, and its own folder; an oracle `truth`
besides. What no method may name is refused by default (`hidden_names.py`); a task lists its own names. It proves nothing, and what a
method imports from other packages is not read.
"""

import ast
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass

from adabench.harness.run.guards.hidden_names import PACKAGE, hidden_names
from adabench.harness.run.guards.method_source import METHODS, imports, line_of, own_folder, under

BACK_DOORS = frozenset(("gc", "inspect", "sys", "ctypes", "importlib"))
REFLECTION = frozenset(("getattr", "setattr", "vars", "eval", "exec", "__import__"))
SHARED = f"{PACKAGE}.workloads.shared"
COUNTING = f"{SHARED}.counting"
COMMON = (
    f"{PACKAGE}.harness.contract.card",
    f"{PACKAGE}.harness.contract.protocols",
    f"{PACKAGE}.harness.errors",
    SHARED,
)
"""What every method may import of adabench."""
SUBSTRATE, TRUTH = "substrate", "truth"


def no_more(node: ast.AST) -> Iterator[str]:
    """Find nothing else wrong with a node."""
    yield from ()


def no_exception(tree: ast.AST) -> Container[tuple[int, str]]:
    """Excuse nothing."""
    return ()


@dataclass(frozen=True)
class Rules:
    """What the methods of one task leave alone."""

    task: str
    """The dotted name of the task's package."""
    off_limits: frozenset[str] = frozenset()
    """Attributes and imported names that no honest method needs."""
    strings: frozenset[str] = frozenset()
    """Words that no string may consist of."""
    names: frozenset[str] = frozenset()
    """Bare names, beside those of reflection."""
    more: Callable[[ast.AST], Iterator[str]] = no_more
    """Further rules of the task: what a node names that it should not."""
    excused: Callable[[ast.AST], Container[tuple[int, str]]] = no_exception
    """Lines and names that are fine after all where they stand."""
    who: str = "policy"

    def problems(self, text: str, module: str = "", *, oracle: bool = False) -> Iterator[str]:
        """Say which lines of a source import or name what a method has no business with.

        `module` is the method's dotted name, by which its own folder is known. An oracle may use
        hindsight, so for it the task's own words are not off limits.
        """
        tree = ast.parse(text)
        excused = self.excused(tree)
        yield from dict.fromkeys(
            (
                *self._import_problems(
                    tree, module or f"{self.task}.{METHODS}.unnamed", module, oracle
                ),
                *(
                    self._sentence(line_of(node), name)
                    for node in ast.walk(tree)
                    for name in self._reached(node, oracle)
                    if (line_of(node), name) not in excused
                ),
                *self._hidden(tree),
            )
        )

    def part_problems(self, text: str, module: str, *, oracle: bool = False) -> Iterator[str]:
        """Say which lines of a part of a method's folder import or name what no method may."""
        tree = ast.parse(text)
        found = (*self._import_problems(tree, module, module, oracle), *self._hidden(tree))
        yield from dict.fromkeys(found)

    def _import_problems(
        self, tree: ast.AST, name: str, module: str, oracle: bool
    ) -> Iterator[str]:
        for node in ast.walk(tree):
            for imported in imports(node, name):
                yield from self._import_problem(line_of(node), imported, module, oracle)

    def _hidden(self, tree: ast.AST) -> Iterator[str]:
        for line, name in hidden_names(tree, self.task.partition(".")[0]):
            yield self._sentence(line, name)

    def _sentence(self, line: int, name: str) -> str:
        return f"It reaches for {name!r} on line {line}: no {self.who} needs it."

    def _reached(self, node: ast.AST, oracle: bool) -> Iterator[str]:
        """Yield what one node names that is off limits."""
        match node:
            case ast.Name(id=name) if name in REFLECTION:
                yield name
            case _ if oracle:
                return
            case ast.Attribute(attr=name) if name in self.off_limits:
                yield name
            case ast.Name(id=name) if name in self.names:
                yield name
            case ast.Constant(value=str(name)) if name in self.strings:
                yield name
            case ast.ImportFrom(names=names):
                yield from (one.name for one in names if one.name in self.off_limits)
        yield from self.more(node)

    def _import_problem(
        self, line: int, imported: tuple[str, str], module: str, oracle: bool
    ) -> Iterator[str]:
        """Say what is wrong with one import, if anything is."""
        source, name = imported
        target = f"{source}.{name}" if name else source
        if source.partition(".")[0] in BACK_DOORS:
            yield self._sentence(line, name or source)
        elif not self._is_ours(source) or self._allowed(source, target, module, oracle):
            return
        elif under(target, *self._homes(TRUTH)):
            yield (
                f"It imports {target} on line {line}: only the scorer and oracles may import "
                f"`{TRUTH}`. Take what you need from `{SUBSTRATE}`, or say role='oracle' in the "
                "card if the method is meant to know the future."
            )
        elif under(target, *self._homes(METHODS)):
            yield (
                f"It imports {target} on line {line}, which is of another method. Move what "
                f"both need to the task's `{SUBSTRATE}`."
            )
        else:
            yield (
                f"It imports {target} on line {line}: of adabench a {self.who} imports "
                "harness.contract.card, harness.contract.protocols, harness.errors, "
                f"workloads.shared without its counting, its task's or family's `{SUBSTRATE}` "
                "and its own folder, and nothing else."
            )

    def _is_ours(self, source: str) -> bool:
        return under(source, PACKAGE, self.task)

    def _homes(self, room: str) -> tuple[str, str]:
        """Return a room of the task and of its family."""
        return f"{self.task}.{room}", f"{self.task.rpartition('.')[0]}.{room}"

    def _allowed(self, source: str, target: str, module: str, oracle: bool) -> bool:
        if under(target, COUNTING):
            return False
        rooms = (*self._homes(SUBSTRATE), *(self._homes(TRUTH) if oracle else ()))
        if under(module, self._homes(METHODS)[1]):  # a family's method knows none of its tasks
            rooms = tuple(room for room in rooms if not under(room, self.task))
        own = (own_folder(module),) if module else ()
        return under(target, *COMMON, *rooms, *own)
