"""What one file of the repository says that its tests depend on: imports, words, fixtures, its card.

A file is parsed once for each of its contents; what was found is stored as JSON, by a digest of the
content, and shared by all checkouts of a machine.
"""

import ast
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from adabench.harness.provenance import syntax

SCHEME = "facts-1"
LONGEST_WORD = 120
Imports = frozenset[tuple[int, str, str]]
"""Leading dots, the module, and the name that is taken out of it (empty in `import module`)."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Facts:
    """What a piece of code names."""

    imports: Imports
    texts: frozenset[str]
    """Its strings, without docstrings."""
    names: frozenset[str]
    """Variables, attributes, parameters."""
    parameters: frozenset[str]
    """Of its functions: a test names its fixtures so."""


@dataclass(frozen=True)
class Fixture:
    """A fixture of a test file or of a conftest.py."""

    code: str
    """A digest of it."""
    facts: Facts
    autouse: bool


@dataclass(frozen=True)
class FileFacts:
    """What a file says."""

    code: str
    """A digest of what it does, beside its fixtures: comments and docstrings do not count."""
    card: str
    """A digest of its card and its docstring; empty if it has no card."""
    tasks: tuple[str, ...]
    """The tasks that its card lists."""
    paper: str
    """The short name of the paper that its card gives; empty if it gives none."""
    top: Facts
    """Everything but its fixtures."""
    fixtures: dict[str, Fixture]


def content_digest(content: bytes) -> str:
    """Return the digest by which contents are told apart."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def parse(content: bytes) -> FileFacts:
    """Return what a Python source says; of what cannot be parsed nothing but its digest."""
    try:
        tree = ast.parse(content)
        code = _code_digest(_without(content, filter(_is_fixture, tree.body)))
    except (SyntaxError, ValueError):
        nothing = Facts(frozenset(), frozenset(), frozenset(), frozenset())
        return FileFacts(content_digest(content), "", (), "", nothing, {})
    card = _card(tree)
    fixtures = {node.name: node for node in tree.body if _is_fixture(node)}
    return FileFacts(
        code,
        "" if card is None else content_digest(f"{ast.get_docstring(tree)}{ast.dump(card)}".encode()),
        () if card is None else tuple(_listed_tasks(card)),
        "" if card is None else _slug(card),
        _facts(node for node in tree.body if not _is_fixture(node)),
        {name: _fixture(node) for name, node in fixtures.items()},
    )  # fmt: skip


class FactStore:
    """Facts by content, in one file that is read once and written if something was new."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, object] = {}
        self._used: dict[str, object] = {}
        try:
            document = json.loads(path.read_bytes())
            if document["scheme"] == _scheme():
                self._known = document["facts"]
        except (OSError, ValueError, LookupError, TypeError):
            pass  # a store that cannot be read is an empty one

    def read(self, path: Path) -> FileFacts:
        """Return the facts of a file."""
        content = path.read_bytes()
        key = content_digest(content)
        if key not in self._used:
            self._used[key] = self._known.get(key) or _to_json(parse(content))
        return _from_json(self._used[key])

    def save(self) -> None:
        """Write what was used, if it is not what was there."""
        if self._used.keys() == self._known.keys():
            return
        document = json.dumps({"scheme": _scheme(), "facts": self._known | self._used})
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            new.write_text(document)
            new.replace(self._path)
        except OSError:
            return  # the next one parses again


def _scheme() -> str:
    """Name what a stored fact depends on beside the content: this code, and the parser's."""
    own = content_digest(Path(__file__).read_bytes() + Path(syntax.__file__).read_bytes())
    return f"{SCHEME}:{own}"


def _code_digest(content: bytes) -> str:
    return content_digest(repr(syntax.parse(content).parts).encode())


def _without(content: bytes, nodes: Iterable[ast.stmt]) -> bytes:
    """Return a source with the lines of some functions empty."""
    lines = content.splitlines(keepends=True)
    for node in nodes:
        assert isinstance(node, Function)
        first = min(node.lineno, *(decorator.lineno for decorator in node.decorator_list))
        for number in range(first - 1, node.end_lineno or first):
            lines[number] = b"\n"
    return b"".join(lines)


def _fixture(node: Function) -> Fixture:
    return Fixture(content_digest(ast.dump(node).encode()), _facts([node]), _is_autouse(node))


def _card(tree: ast.Module) -> ast.Call | None:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == "CARD" for target in targets):
                return node.value
    return None


def _listed_tasks(card: ast.Call) -> Iterator[str]:
    for keyword in card.keywords:
        if keyword.arg == "tasks" and isinstance(keyword.value, ast.Tuple):
            yield from (
                str(one.value) for one in keyword.value.elts if isinstance(one, ast.Constant)
            )


def _slug(card: ast.Call) -> str:
    for keyword in card.keywords:
        if keyword.arg == "slug" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return ""


def _is_fixture(node: ast.stmt) -> bool:
    return isinstance(node, Function) and any(
        "fixture" in ast.dump(decorator) for decorator in node.decorator_list
    )


def _is_autouse(node: Function) -> bool:
    return any("autouse" in ast.dump(decorator) for decorator in node.decorator_list)


def _facts(nodes: Iterable[ast.stmt]) -> Facts:
    imports: set[tuple[int, str, str]] = set()
    texts: set[str] = set()
    names: set[str] = set()
    parameters: set[str] = set()
    for node in _running(nodes):
        match node:
            case ast.Import():
                imports |= {(0, alias.name, "") for alias in node.names}
            case ast.ImportFrom():
                imports |= {(node.level, node.module or "", alias.name) for alias in node.names}
            case ast.Constant(value=str(text)):
                texts.add(text)
            case ast.Name(id=name) | ast.Attribute(attr=name):
                names.add(name)
            case ast.arg(arg=name):
                parameters.add(name)
    return Facts(
        frozenset(imports), frozenset(texts), frozenset(names | parameters), frozenset(parameters)
    )


def _running(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield every node below some that does something.

    No docstrings, nothing for type checkers, and no names of what a test is parametrised by: a parameter
    that is called `text` is not the task of that name.
    """
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            todo += node.orelse
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        yield node
        todo += (child for child in ast.iter_child_nodes(node) if child is not _parameters(node))


def _parameters(node: ast.AST) -> ast.expr | None:
    """Return what names the parameters of a test, if a node is `pytest.mark.parametrize(...)`."""
    match node:
        case ast.Call(func=ast.Attribute(attr="parametrize"), args=[names, *_]):
            return names
    return None


def _to_json(facts: FileFacts) -> dict[str, object]:
    return {
        "code": facts.code,
        "card": facts.card,
        "tasks": facts.tasks,
        "paper": facts.paper,
        "top": _piece(facts.top),
        "fixtures": {
            name: [one.code, _piece(one.facts), one.autouse] for name, one in facts.fixtures.items()
        },
    }


def _piece(facts: Facts) -> list[object]:
    words = sorted(_words(facts.texts))
    return [sorted(facts.imports), words, sorted(facts.names), sorted(facts.parameters)]


def _words(texts: frozenset[str]) -> set[str]:
    """Return strings that may name a file, a module or an address: whole ones, and words of others."""
    whole = {text for text in texts if len(text) <= LONGEST_WORD}
    return whole | {
        word.strip("'\"`,;:()[]") for text in texts for word in text.split() if len(word) <= LONGEST_WORD
    }  # fmt: skip


def _from_json(value: object) -> FileFacts:
    assert isinstance(value, dict)
    fixtures = {
        name: Fixture(code, _unpiece(one), bool(auto))
        for name, (code, one, auto) in value["fixtures"].items()
    }
    return FileFacts(
        value["code"], value["card"], tuple(value["tasks"]), value["paper"],
        _unpiece(value["top"]), fixtures,
    )  # fmt: skip


def _unpiece(value: list[list[str]]) -> Facts:
    imports, texts, names, parameters = value
    return Facts(
        frozenset((int(level), module, name) for level, module, name in imports),
        frozenset(texts),
        frozenset(names),
        frozenset(parameters),
    )
