"""The product as the checks see it: every source file read and parsed once."""

import ast
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

PACKAGE = "adabench"


@dataclass(frozen=True)
class Source:
    """One file of product code."""

    path: str
    """Relative to the root, with slashes."""
    text: str
    syntax: ast.Module

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders and the file name."""
        return tuple(self.path.split("/"))

    @property
    def name(self) -> str:
        """The file name without its ending."""
        return self.parts[-1].removesuffix(".py")

    @property
    def module(self) -> str:
        """The name under which the file is imported."""
        return ".".join((PACKAGE, *self.parts)).removesuffix(".py")

    @property
    def lines(self) -> int:
        """How long the file is."""
        return len(self.text.splitlines())

    @cached_property
    def role(self) -> str:
        """The role that the file's card gives, `adaptive` where it names none; empty without a card."""
        return "" if self._card is None else _literal(self._card, "role") or "adaptive"

    @property
    def slug(self) -> str:
        """The paper of the file's card; empty if it names none, or there is no card."""
        return "" if self._card is None else _literal(self._card, "slug")

    @property
    def controls(self) -> tuple[str, ...]:
        """The methods of which the file's card says that it is their control."""
        return () if self._card is None else _names(self._card, "control_of")

    @property
    def mixtures(self) -> frozenset[str]:
        """The methods that the gaps of a task's card mix."""
        card = self._card
        gaps = [] if card is None else [k.value for k in _keywords(card) if k.arg == "gaps"]
        calls = [node for gap in gaps for node in ast.walk(gap) if isinstance(node, ast.Call)]
        return frozenset(name for call in calls for name in _names(call, "mixture"))

    @cached_property
    def _card(self) -> ast.expr | None:
        for node in self.syntax.body:
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == "CARD" for target in targets):
                return node.value
        return None

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the syntax tree."""
        return tuple(ast.walk(self.syntax))


@dataclass(frozen=True)
class Tree:
    """A checkout: its pyproject.toml and the sources of its product folders."""

    root: Path
    project: Mapping[str, Any]
    folders: tuple[str, ...]
    sources: tuple[Source, ...]

    @cached_property
    def modules(self) -> dict[str, Source]:
        """Every source by the name of its module, and the package's own files by theirs too."""
        found = {source.module: source for source in self.sources}
        by_path = {source.path: source for source in self.sources}
        for path, shipped in package_files(self.project).items():
            if shipped == "__init__.py" and path in by_path:
                found[PACKAGE] = by_path[path]
        return found

    def resolve(self, name: str) -> Source | None:
        """Return the module that a dotted name lies in, if it is one of ours."""
        while name:
            if name in self.modules:
                return self.modules[name]
            name = name.rpartition(".")[0]
        return None


def wheel_table(project: Mapping[str, Any]) -> dict[str, Any]:
    """Return what pyproject.toml says of the wheel."""
    targets: dict[str, Any] = project["tool"]["hatch"]["build"]["targets"]
    return dict(targets["wheel"])


def package_files(project: Mapping[str, Any]) -> dict[str, str]:
    """Return the files that are the package's own, and their names in it."""
    hooks = wheel_table(project).get("hooks", {})
    return dict(hooks.get("custom", {}).get("package-files", {}))


def read_project(root: Path) -> dict[str, Any]:
    """Read the pyproject.toml of a checkout."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def read_tree(root: Path) -> Tree:
    """Read and parse the product folders that the wheel includes."""
    project = read_project(root)
    folders = tuple(wheel_table(project)["only-include"])
    return Tree(root, project, folders, tuple(_sources(root, folders)))


def _sources(root: Path, folders: tuple[str, ...]) -> Iterator[Source]:
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            yield Source(path.relative_to(root).as_posix(), text, ast.parse(text, str(path)))


def _keywords(call: ast.expr) -> list[ast.keyword]:
    return call.keywords if isinstance(call, ast.Call) else []


def _names(call: ast.expr, name: str) -> tuple[str, ...]:
    """Read the strings of a tuple that is given by keyword; none where it gives none."""
    values = [keyword.value for keyword in _keywords(call) if keyword.arg == name]
    nodes = [node for value in values for node in ast.walk(value)]
    return tuple(str(node.value) for node in nodes if isinstance(node, ast.Constant))


def _literal(card: ast.expr, name: str) -> str:
    """Read a string that a card gives by keyword; empty where it gives none."""
    for keyword in _keywords(card):
        if keyword.arg == name and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return ""
