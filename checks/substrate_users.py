"""Substrate is what several methods use: a file of it that serves one method belongs to that method.

A method uses what it imports, at any depth, up to the next file with a card. What a task uses all of its
methods get.
"""

from collections import defaultdict
from collections.abc import Iterator

from checks.offence import Offence
from checks.reachability import Graph, graph
from checks.tree import Source, Tree

CHECK = "substrate-users"
FOLDER = "substrate"


def offences(tree: Tree) -> Iterator[Offence]:
    """Yield the files of substrate that one method uses."""
    edges = graph(tree)
    users: dict[str, set[str]] = defaultdict(set)
    for source in tree.sources:
        if FOLDER not in source.parts:
            for path in _used(edges, source):
                users[path].add(source.path)
    cards = {source.path for source in tree.sources if source.role}
    for path, found in sorted(users.items()):
        (user, *others) = sorted(found)
        is_method = user in cards and not user.endswith("/task.py")
        if FOLDER in path.split("/") and not others and is_method:
            yield Offence(
                CHECK, path,
                f"{path} is substrate, and {user} alone uses it. Put it beside that method, or into it.",
            )  # fmt: skip


def _used(edges: Graph, start: Source) -> set[str]:
    """Return the files that one uses without passing through another method's, or a task's."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for target in edges.targets[waiting.pop().path]:
            if target.path not in found and not target.role:
                found.add(target.path)
                waiting.append(target)
    return found
