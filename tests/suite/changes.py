"""What has been edited, and which units of tests that reaches."""

import subprocess
from collections.abc import Mapping, Sequence

from tests.suite.checkout import Checkout
from tests.suite.dependencies import Dependencies, card_of
from tests.suite.file_facts import parse


def changed_nodes(checkout: Checkout, files: Sequence[str] = ()) -> set[str]:
    """Return the nodes that differ from the last commit; if nothing does, those that it changed.

    Files that are named count as edited whole.
    """
    if files:
        return {node for file in files for node in (file, card_of(file))}
    base, edited = "HEAD", _edited(checkout, "HEAD")
    if not edited:
        base, edited = "HEAD~1", _edited(checkout, "HEAD~1")
    return {node for file in edited for node in _differing(checkout, file, base)}


def distances(
    dependencies: Dependencies, units: Mapping[str, tuple[str, ...]], nodes: set[str]
) -> dict[str, int]:
    """Return the units whose closures hold one of some nodes, with the shortest way to one."""
    found = {}
    for unit, starts in units.items():
        closure = dependencies.closure(starts)
        ways = [closure[node] for node in nodes if node in closure]
        if ways:
            found[unit] = min(ways)
    return found


def _edited(checkout: Checkout, base: str) -> list[str]:
    names = _git(checkout, "diff", "--name-only", "-z", base).split("\0")
    names += _git(checkout, "ls-files", "-o", "--exclude-standard", "-z").split("\0")
    return sorted({name for name in names if name})


def _differing(checkout: Checkout, file: str, base: str) -> set[str]:
    """Return a file as a node, its card, or both, by what differs; nothing where it is prose alone."""
    facts = checkout.facts.get(file)
    if facts is None or file.startswith(("cli/", "tests/")):
        return {file}
    try:
        before = parse(_git(checkout, "show", f"{base}:{file}").encode())
    except subprocess.CalledProcessError:  # it is new
        return {file, card_of(file)}
    nodes = {file} if facts.code != before.code else set()
    return nodes | ({card_of(file)} if facts.card != before.card else set())


def _git(checkout: Checkout, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(checkout.root), *words], capture_output=True, text=True, check=True
    ).stdout
