"""Who imports whom: statements, and names of modules in strings, as edges between product files."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from checks.tree import PACKAGE, Source, Tree

DOTTED = re.compile(rf"{PACKAGE}(?:\.\w+)+(?::\w+)?")
SCRIPT = re.compile(r"\w+\.py")


@dataclass(frozen=True)
class Import:
    """One product file names another."""

    target: Source
    line: int
    name: str
    """The dotted name as it is written, with what is taken from the module."""


def statements(tree: Tree, source: Source) -> Iterator[Import]:
    """Yield what the import statements of a file name, at any depth."""
    for node in source.nodes:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, source)
            names = [f"{base}.{alias.name}" for alias in node.names]
        for name in names:
            target = tree.resolve(name)
            if target and target is not source:
                yield Import(target, getattr(node, "lineno", 0), name)


def strings(tree: Tree, source: Source) -> Iterator[Import]:
    """Yield modules that a whole string names: `python -m`, lazy imports, a script beside this."""
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            target = None
            if DOTTED.fullmatch(node.value):
                target = tree.resolve(node.value.partition(":")[0])
            elif SCRIPT.fullmatch(node.value):
                beside = ".".join(source.module.split(".")[:-1])
                target = tree.modules.get(f"{beside}.{node.value.removesuffix('.py')}")
            if target and target is not source:
                yield Import(target, node.lineno, node.value)


def names_in_yaml(tree: Tree) -> Iterator[str]:
    """Yield the functions that YAML files of the product call, as lm-eval's tasks do."""
    for folder in tree.folders:
        for path in (tree.root / folder).rglob("*.y*ml"):
            yield from re.findall(rf"!function ({DOTTED.pattern})", path.read_text("utf-8"))


def neighbours(source: Source) -> set[str]:
    """Return the module names that a file loads beside any task: `import_module(f"{here}.name")`."""
    found = set()
    for node in source.nodes:
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.JoinedStr):
            last = node.args[0].values[-1]
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if called in ("import_module", "find_spec") and isinstance(last, ast.Constant):
                found.add(str(last.value).rpartition(".")[2])
    return found - {""}


def _base(node: ast.ImportFrom, source: Source) -> str:
    if not node.level:
        return node.module or ""
    package = source.module.split(".")[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])
