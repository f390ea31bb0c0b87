"""Names of modules: nouns of the field, each once in its room, and none of the standard library."""

import sys
from collections import defaultdict
from collections.abc import Iterator

from checks.imports import statements
from checks.offence import Offence
from checks.tree import Source, Tree

PARTICIPLES = """
    alike answered arrived asked books borrowed called captured chosen claimed combined compared
    counted disturbed drawn explained found gated given held judged kept known learned left listed
    made marked measured paid planned played raced read recalled refused said seen sent shown
    shuffled spent taken tested told tried used wanted weighed written
"""
PRONOUNS = "he her him it me she that them these they this those us we what which who whom you"
LEFTOVERS = "base common handler helper helpers manager misc tools util utils"
EMPTY = frozenset(f"{PARTICIPLES} {PRONOUNS} {LEFTOVERS}".split())
"""Words that tell a reader nothing of what a module holds."""
REPEATED = frozenset(("__init__", "__main__", "task", "conformance", "checkpoints", "recipes"))
"""Names that every task, or Python, gives."""


def offences(tree: Tree) -> Iterator[Offence]:
    """Yield module names that mislead, and private names that cross a border."""
    for source in tree.sources:
        yield from _word(source)
        yield from _taken(source)
        yield from _private(tree, source)
    yield from _repeated(tree)


def _word(source: Source) -> Iterator[Offence]:
    if source.name in EMPTY:
        yield Offence(
            "empty-name", source.path,
            f"{source.path} is named by a word that says nothing of its content. "
            "Name it by the noun that it defines, in the field's word.",
        )  # fmt: skip


def _taken(source: Source) -> Iterator[Offence]:
    """Compare with the standard library; a verb's file has the verb's name whatever it is."""
    is_verb = source.parts[:2] == ("cli", "commands")
    if source.name in sys.stdlib_module_names - REPEATED and not is_verb:
        yield Offence(
            "taken-name", source.path,
            f"{source.path} has the name of a module of the standard library. "
            "Name it by what it defines.",
        )  # fmt: skip


def _repeated(tree: Tree) -> Iterator[Offence]:
    """Find names that occur twice in a room; methods keep their published names."""
    rooms: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source in tree.sources:
        if source.name not in REPEATED and not source.role:
            rooms[_room(source), source.name].append(source.path)
    for (room, name), paths in sorted(rooms.items()):
        for path in paths[1:]:
            yield Offence(
                "repeated-name", path,
                f"{path} has the name of {paths[0]}. "
                f"Give each {name}.py in {room}/ a name of its own.",
            )  # fmt: skip


def _room(source: Source) -> str:
    """Return the top folder; in workloads the task's folder, or a family's substrate."""
    if source.parts[0] != "workloads":
        return source.parts[0]
    for stop in ("methods", "substrate", "truth", "data"):
        if stop in source.parts[:-1]:
            return "/".join(source.parts[: source.parts.index(stop)])
    return "/".join(source.parts[:-1])


def _private(tree: Tree, source: Source) -> Iterator[Offence]:
    """Find `from adabench.x import _y`."""
    for edge in statements(tree, source):
        name = edge.name.rpartition(".")[2]
        if name.startswith("_") and not name.startswith("__"):
            yield Offence(
                "private-name", f"{source.path}::{name}",
                f"{source.path}:{edge.line} imports {name} of {edge.target.path}. "
                "Make it public under a good name, or leave it where it is.",
            )  # fmt: skip
