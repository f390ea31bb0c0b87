"""Reachability: every product file is reached from a verb, a listed method or an entry point.

Edges are imports at any depth and names of modules in strings. Roots are the command line, the public
API, whatever has a card, the entry points of pyproject.toml, and scripts beside data that they made.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from checks.imports import names_in_yaml, neighbours, statements, strings
from checks.offence import Offence
from checks.tree import PACKAGE, Source, Tree

CHECK = "unreachable"
DATA_FOLDERS = ("data", "checkpoints", "traces")
"""Folders whose scripts made the files beside them."""


def offences(tree: Tree) -> Iterator[Offence]:
    """Yield the files that nothing reaches."""
    reached = reachable(tree)
    for source in tree.sources:
        if source.path not in reached:
            yield Offence(
                CHECK, source.path,
                f"{source.path} is reached from no verb, method, recipe or entry point. "
                "Import it where it is needed, or delete it.",
            )  # fmt: skip


def reachable(tree: Tree) -> set[str]:
    """Return the paths of all files that are reached from a root."""
    return closure(graph(tree), roots(tree))


@dataclass(frozen=True)
class Graph:
    """Where every file leads, by its path."""

    targets: Mapping[str, Sequence[Source]]
    beside: Mapping[str, set[str]]
    """Names of modules that a file loads beside any task."""
    sources: Sequence[Source]


def graph(tree: Tree) -> Graph:
    """Return where every file leads."""
    targets = {
        source.path: [edge.target for kind in (statements, strings) for edge in kind(tree, source)]
        for source in tree.sources
    }
    return Graph(
        targets, {source.path: neighbours(source) for source in tree.sources}, tree.sources
    )


def closure(edges: Graph, starts: Iterable[Source]) -> set[str]:
    """Return the paths of all files that some files lead to, with their own."""
    waiting = list(starts)
    paths = {source.path for source in waiting}
    loaded_by_name: set[str] = set()
    while waiting:
        source = waiting.pop()
        fresh = edges.beside[source.path] - loaded_by_name
        loaded_by_name |= fresh
        by_name = [other for other in edges.sources if other.name in fresh] if fresh else []
        for target in [*edges.targets[source.path], *by_name]:
            if target.path not in paths:
                paths.add(target.path)
                waiting.append(target)
    return paths


def roots(tree: Tree) -> Iterator[Source]:
    """Yield what is run or found without being imported."""
    names = {PACKAGE, f"{PACKAGE}.cli.__main__", *_entry_points(tree), *names_in_yaml(tree)}
    yield from filter(None, map(tree.resolve, sorted(names)))
    for source in tree.sources:
        if source.parts[:2] == ("cli", "commands") or source.role or _made_data(source):
            yield source


def _entry_points(tree: Tree) -> Iterator[str]:
    project = tree.project.get("project", {})
    tables = [project.get("scripts", {}), *project.get("entry-points", {}).values()]
    for table in tables:
        for value in table.values():
            yield value.partition(":")[0]


def _made_data(source: Source) -> bool:
    """Tell whether this is a script that lies beside the data that it made."""
    in_place = len(source.parts) > 1 and source.parts[-2] in DATA_FOLDERS
    return in_place and any(
        isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
        for node in source.syntax.body
    )
