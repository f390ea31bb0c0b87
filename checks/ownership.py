"""What one paper alone needs: its methods, rivals that only it has, their parts and trainings, and tests.

A method without a slug is a paper's own if the claims of that paper alone name it, or if it is the control of
that paper's methods alone, and no gap of its task mixes it in. A file is a paper's own if nothing but the
paper's own files leads to it. A list of recipes leads nowhere here: a training is the paper's in whose methods'
folder it lies, or whose own files it names. A test of a task is the paper's if that paper's files are the only own
ones that it imports.
"""

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from checks.reachability import Graph, closure, graph, roots
from checks.tree import Source, Tree

PAPERS = "workloads/papers"
TESTS = "tests/workloads"
PROSE = frozenset(("id", "says", "paper", "source", "no_rival", "why"))
"""Keys of a claim under which no method stands."""


@dataclass(frozen=True)
class Owners:
    """Which files are one paper's own."""

    tree: Tree

    @cached_property
    def papers(self) -> dict[str, list[Source]]:
        """The product files of each paper, by its slug."""
        trainings = self._trainings()
        found = {slug: self._with_parts(own) for slug, own in self._methods.items()}
        for training in trainings:
            named = {target.path for target in self._edges.targets[training.path]}
            folder = training.path.rpartition("/")[0]
            beside = {path for paths in found.values() for path in paths if _lies_in(path, folder)}
            users = [slug for slug, paths in found.items() if paths & (beside or named)]
            if len(users) == 1:
                found[users[0]] |= {training.path}
        return {
            slug: [source for source in self.tree.sources if source.path in paths]
            for slug, paths in sorted(found.items())
        }

    @cached_property
    def tests(self) -> dict[str, list[Source]]:
        """The tests of each paper, by its slug."""
        owner = {source.path: slug for slug, files in self.papers.items() for source in files}
        found: dict[str, list[Source]] = defaultdict(list)
        for test in read_tests(self.tree):
            slugs = {owner[path] for path in _imported(self.tree, test) if path in owner}
            if len(slugs) == 1:
                found[slugs.pop()].append(test)
        return dict(found)

    @cached_property
    def _edges(self) -> Graph:
        """Where files lead, but for lists of recipes."""
        whole = graph(self.tree)
        lists = {source.path for source in self.tree.sources if source.name == "recipes"}
        targets = {path: () if path in lists else found for path, found in whole.targets.items()}
        return replace(whole, targets=targets)

    @cached_property
    def _starts(self) -> list[Source]:
        return list(roots(self.tree))

    def _with_parts(self, own: set[str]) -> set[str]:
        """Return files with what nothing else leads to."""
        mine = [source for source in self.tree.sources if source.path in own]
        others = closure(self._edges, (one for one in self._starts if one.path not in own))
        return own | (closure(self._edges, mine) - others)

    def _trainings(self) -> list[Source]:
        """Return the files that only a list of recipes leads to."""
        reached = closure(self._edges, self._starts)
        return [source for source in self.tree.sources if source.path not in reached]

    @cached_property
    def _methods(self) -> dict[str, set[str]]:
        """The methods of each paper, and those that only it has."""
        found: dict[str, set[str]] = defaultdict(set)
        of_paper: dict[tuple[str, str], str] = {}
        cards = [one for one in self.tree.sources if one.role and one.name != "task"]
        for source in cards:
            if source.slug and source.role == "adaptive":
                found[source.slug].add(source.path)
                of_paper[_family(source), source.name] = source.slug
        named = self._named()
        for source in cards:
            key = _family(source), source.name
            controlled = {
                of_paper[key[0], name] for name in source.controls if (key[0], name) in of_paper
            }
            users = named.get(key, set()) | controlled
            if key not in of_paper and len(users) == 1 and users <= found.keys():
                found[users.pop()].add(source.path)
        return dict(found)

    def _named(self) -> dict[tuple[str, str], set[str]]:
        """Return which papers name a method in a claim, and the family whose gaps mix it in, by its family and name."""
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        families = {
            source.parts[2]: _family(source)
            for source in self.tree.sources
            if source.name == "task"
        }
        for slug, claims in _claims(self.tree).items():
            for claim in claims:
                family = families.get(str(claim.get("method", "")).partition("/")[0], "")
                for text in _texts(claim):
                    found[family, text.rpartition("/")[2]].add(slug)
        for source in self.tree.sources:
            if source.name == "task":
                for name in source.mixtures:
                    found[_family(source), name].add(source.path)
        return found


def read_tests(tree: Tree) -> Iterator[Source]:
    """Yield the tests of tasks, read and parsed."""
    for path in sorted((tree.root / TESTS).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        yield Source(path.relative_to(tree.root).as_posix(), text, ast.parse(text, str(path)))


def _lies_in(path: str, folder: str) -> bool:
    """Tell whether a file stands in a folder that one method has for its parts."""
    own = folder.rpartition("/")[0].endswith("/methods")
    return own and path.rpartition("/")[0] == folder


def _family(source: Source) -> str:
    """Return the family of a file below workloads/."""
    return source.parts[1] if source.parts[0] == PurePosixPath(PAPERS).parts[0] else ""


def _claims(tree: Tree) -> Mapping[str, list[dict[str, Any]]]:
    """Return the claims of each paper's file."""
    files = sorted((tree.root / PAPERS).glob("*.toml"))
    return {file.stem: tomllib.loads(file.read_text("utf-8")).get("claims", []) for file in files}


def _texts(value: Any, key: str = "") -> Iterator[str]:
    """Yield what could name a method in a claim."""
    if isinstance(value, str) and key not in PROSE:
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, key)


def _imported(tree: Tree, test: Source) -> Iterable[str]:
    """Yield the product files that a test imports."""
    for node in test.nodes:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            target = tree.resolve(name)
            if target:
                yield target.path
