"""Public functions and classes that no product code names: only tests use them, or nobody.

The search is by name, so a name that occurs twice hides one of the two; what it reports is unused.
"""

import ast
from collections import Counter
from collections.abc import Iterator

from checks.imports import names_in_yaml
from checks.offence import Offence
from checks.tree import Source, Tree

CHECK = "unused"
REGISTERING = ("command", "callback", "register", "fixture")
"""Decorators that hand a function to somebody else: the command line, a library, pytest."""
Definition = ast.FunctionDef | ast.ClassDef


def offences(tree: Tree) -> Iterator[Offence]:
    """Yield public definitions whose name occurs nowhere else in the product."""
    everywhere: Counter[str] = Counter()
    for source in tree.sources:
        everywhere.update(_names(source.nodes))
    everywhere.update(name.rpartition(".")[2] for name in names_in_yaml(tree))
    for source in tree.sources:
        for node in _public(source):
            inside = Counter(_names(tuple(ast.walk(node))))[node.name]
            if everywhere[node.name] <= inside:
                yield Offence(
                    CHECK, f"{source.path}::{node.name}",
                    f"{source.path}:{node.lineno}: nothing but tests uses {node.name}. "
                    "Use it, or delete it with its tests.",
                )  # fmt: skip


def _public(source: Source) -> Iterator[Definition]:
    """Yield top-level definitions that somebody would have to name, which no decorator registers."""
    for node in source.syntax.body:
        if not isinstance(node, Definition) or node.name.startswith("_"):
            continue
        if not any(_registers(decorator) for decorator in node.decorator_list):
            yield node


def _registers(decorator: ast.expr) -> bool:
    """Tell whether `@app.command()` or the like hands the function to somebody else."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Attribute) and called.attr in REGISTERING


def _names(nodes: tuple[ast.AST, ...]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.rpartition(":")[2].rpartition(".")[2]
