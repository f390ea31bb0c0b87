"""What the source of a method may not name, whatever its task: private names, and what looks behind public ones.

A task hands its engine to methods, and what the engine keeps for itself lies behind names that begin with an
underscore. A source that reaches for such a name, or for Python's ways round it, is refused before it is run:

    task._days                     a private name that is not the method's own
    task.__dict__, vars(task)      all names at once; so with closures, frames and code
    getattr(task, name)            a name that is private, or that is made while it runs
    import gc, inspect             what finds objects that nobody handed over

`self._days` is a method's own, and so is what an imported library keeps in its modules (`torch._dynamo`). This
catches honest mistakes and the usual ways to fake a result; it proves nothing.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

PACKAGE = "adabench"
BACK_DOORS = frozenset(("gc", "inspect", "ctypes", "builtins"))
"""Libraries that find objects which nobody handed over."""
REFLECTION = frozenset(("vars", "eval", "exec", "__import__", "__builtins__"))
SET = "__setattr__"
"""Fine on `self`, as in a frozen dataclass."""
LOOKUPS = frozenset(("getattr", "setattr", "delattr", "attrgetter", "methodcaller"))
"""What takes the name of an attribute as text."""
NAMED_TUPLE = frozenset(("_replace", "_asdict", "_fields", "_make", "_field_defaults"))
"""Public in all but the letter."""
BEHIND = frozenset((
    "__dict__", "__closure__", "__code__", "__globals__", "__self__", "__func__", "__wrapped__",
    "__getattribute__", "__getattr__", "__subclasses__", "__mro__", "__bases__", "__base__", "__reduce__",
    "__reduce_ex__", "__getstate__", "__setstate__", "__delattr__", "__builtins__", "__loader__", "__spec__",
    "cell_contents", "f_back", "f_locals", "f_globals", "gi_frame", "cr_frame", "tb_frame",
    "currentframe", "get_objects", "get_referents", "get_referrers", "getmembers",
))  # fmt: skip
"""Attributes that look behind public names."""
IN_FORMAT = re.compile(r"\{[^{}]*\.(_\w+)[^{}]*\}")
"""A private name that `str.format` would look up."""


def hidden_names(tree: ast.AST, package: str = PACKAGE) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each thing that a source may not name.

    `package` is the top package of the task, whose modules are no library.
    """
    own = _Own.of(tree, package)
    direct = {
        id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call) and _plain(node)
    }
    for node in ast.walk(tree):
        line = int(getattr(node, "lineno", 0))
        yield from ((line, name) for name in _named(node, own, direct))


@dataclass(frozen=True)
class _Own:
    """What a source has of its own, and which of its names are modules of libraries."""

    package: str
    defined: frozenset[str]
    """What its classes define."""
    libraries: frozenset[str]

    @classmethod
    def of(cls, tree: ast.AST, package: str) -> "_Own":
        nodes = list(ast.walk(tree))
        return cls(
            package,
            frozenset(name for node in nodes for name in _defined(node)),
            frozenset(name for node in nodes for name in _of_libraries(node, package)),
        )

    def has(self, base: ast.expr, name: str) -> bool:
        """Tell whether a private name of this object is the method's own, or a library's."""
        match base:
            case ast.Name(id="self" | "cls") | ast.Call(func=ast.Name(id="super"), args=[]):
                return name in self.defined
            case ast.Name(id=root):
                return root in self.libraries
            case ast.Attribute(value=inner):
                return _root(inner) in self.libraries
        return False


def _defined(node: ast.AST) -> Iterator[str]:
    """Yield the names that a class body, or an assignment to `self`, defines."""
    match node:
        case ast.ClassDef(body=body):
            for part in body:
                match part:
                    case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                        yield name
                    case ast.AnnAssign(target=ast.Name(id=name)):
                        yield name
                    case ast.Assign(targets=targets):
                        yield from (one.id for one in targets if isinstance(one, ast.Name))
        case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
            yield name
        case ast.Call(
            func=ast.Attribute(attr="__setattr__"),
            args=[ast.Name(id="self"), ast.Constant(value=str(name)), _],
        ):
            yield name


def _of_libraries(node: ast.AST, package: str) -> Iterator[str]:
    """Yield the names that an import of a library binds."""
    match node:
        case ast.Import(names=names):
            for one in names:
                if not _is_ours(one.name, package):
                    yield one.asname or one.name.partition(".")[0]
        case ast.ImportFrom(module=str(source), names=names, level=0):
            if not _is_ours(source, package):
                yield from (one.asname or one.name for one in names)


def _named(node: ast.AST, own: _Own, direct: set[int]) -> Iterator[str]:
    """Yield what one node names that it may not."""
    match node:
        case ast.Import(names=names):
            yield from (one.name for one in names if _is_back_door(one.name))
        case ast.ImportFrom(module=str(source)) if _is_back_door(source):
            yield source
        case ast.ImportFrom(module=source, names=names, level=level):
            ours = level > 0 or _is_ours(source or "", own.package)
            for one in names:
                if (ours and _is_private(one.name)) or (one.name in LOOKUPS and one.asname):
                    yield one.name
        case ast.Call(func=called, args=args) if _called(called) in LOOKUPS:
            yield from _looked_up(_called(called), args)
        case ast.Attribute(attr=name) if name in BEHIND:
            yield name
        case ast.Attribute(value=base, attr=name) if _is_private(name) and not own.has(base, name):
            yield name
        case ast.Attribute(attr=name) | ast.Name(id=name) if name in LOOKUPS or name == SET:
            if id(node) not in direct:
                yield name
        case ast.Name(id=name) if name in REFLECTION:
            yield name
        case ast.keyword(arg=str(name)) if _is_private(name) and name not in own.defined:
            yield name
        case ast.MatchClass(kwd_attrs=names):
            yield from (name for name in names if _is_private(name) or name in BEHIND)
        case ast.Constant(value=str(text)) if "{" in text:
            yield from IN_FORMAT.findall(text)


def _plain(call: ast.Call) -> bool:
    """Tell whether a call that sets an attribute sets one of `self`; other calls are looked at."""
    first = call.args[:1]
    own = bool(first) and isinstance(first[0], ast.Name) and first[0].id == "self"
    return own or _called(call.func) != SET


def _looked_up(called: str, args: list[ast.expr]) -> Iterator[str]:
    """Yield the names that a look-up may not have; its own name where it is made while it runs."""
    names = args if called == "attrgetter" else args[1:2] if "attr" in called else args[:1]
    for one in names:
        if not (isinstance(one, ast.Constant) and isinstance(one.value, str)):
            yield called
        else:
            parts = one.value.split(".")
            yield from (part for part in parts if _is_private(part) or part.startswith("__"))


def _called(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _root(node: ast.expr) -> str:
    """Return the name that a chain of attributes begins with; nothing if it begins otherwise."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_private(name: str) -> bool:
    dunder = name.startswith("__") and name.endswith("__")
    return name.startswith("_") and not dunder and name not in NAMED_TUPLE and name.strip("_") != ""


def _is_back_door(module: str) -> bool:
    return module.partition(".")[0] in BACK_DOORS


def _is_ours(module: str, package: str) -> bool:
    return module.partition(".")[0] in (PACKAGE, package)
