"""Did a method change code that is not its own? A look at functions and classes before and after.

A process that a method shares with the substrate could replace the counting meter, a clock or a
scorer. Nothing of that reaches another method or the parent, but the method's own records would be
wrong. So the functions and classes of every loaded module of adabench, and of the clocks, are noted
before the method's module is imported, and looked at again after each solve.

Naming what changed takes 2 to 10 ms, as many names as there are. So each time only this is seen:
whether every name still means the same object and no class has got another one. That takes 0.1 to 0.2 ms. Where it
is not so, the module is looked at whole: pickling a case notes in its class what is no code (`__slotnames__`).
"""

import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

WATCHED = (FunctionType, type, BuiltinFunctionType)
"""What of a module is code."""
PARTS = (FunctionType, property, classmethod, staticmethod)
"""What of a class is code."""
PACKAGE, CLOCKS = "adabench.", frozenset(("time", "random"))


@dataclass(frozen=True)
class Namespace:
    """The code of a module or a class, as it was noted."""

    prefix: str
    """`Class.` before the names of a class; nothing before those of a module."""
    names: tuple[str, ...]
    """Names of code."""
    now: Mapping[str, Any]
    get: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    """Looks names up: those of code first, and all others of a class."""
    code: tuple[Any, ...]
    size: int | None
    """How many names a class has."""

    def is_same(self) -> bool:
        """Tell whether every name means what it did, and there are as many."""
        return all(map(operator.is_, self.code, self.get(self.now))) and (
            self.size is None or self.size == len(self.now)
        )


@dataclass
class Snapshot:
    """The code that was loaded at one time."""

    modules: Mapping[str, ModuleType]
    namespaces: dict[str, list[Namespace]] = field(default_factory=dict)
    """By module: it, and the classes that it defines."""

    def __post_init__(self) -> None:
        self._note(self.modules)

    def changes(self) -> list[str]:
        """Return the dotted names of what is other code now, is gone, or was added to a class."""
        other = {name: one for name, one in self.modules.items() if not self._is_same(name)}
        found = sorted(change for name in other for change in self._differences(name))
        if not found:  # something in a class that is no code
            self._note(other)
        return found

    def _note(self, modules: Mapping[str, ModuleType]) -> None:
        self.namespaces |= {name: list(_namespaces(one)) for name, one in modules.items()}

    def _is_same(self, module: str) -> bool:
        if sys.modules.get(module) is not self.modules[module]:
            return False
        try:
            return all(one.is_same() for one in self.namespaces[module])
        except KeyError:
            return False

    def _differences(self, module: str) -> Iterator[str]:
        code: dict[str, object] = {}
        for one in self.namespaces[module]:
            code |= {
                one.prefix + name: part for name, part in zip(one.names, one.code, strict=True)
            }
        now = dict(_code(sys.modules[module])) if module in sys.modules else {}
        other = [name for name, value in code.items() if now.get(name) is not value]
        added = [n for n in now.keys() - code.keys() if "." in n and n.partition(".")[0] in code]
        yield from (f"{module}.{name}" for name in (*other, *added))


def snapshot(own: str = "") -> Snapshot:
    """Return the code that is loaded now; modules below `own` are left out."""
    return Snapshot({module.__name__: module for module in _modules(own)})


def _namespaces(module: ModuleType) -> Iterator[Namespace]:
    own = vars(module)
    names = [name for name, value in own.items() if _is_watched(value)]
    if names:
        yield _namespace("", own, names)
    for name in names:
        value = own[name]
        if isinstance(value, type) and value.__module__ == module.__name__:
            parts = dict(vars(value))
            code = {part: inner for part, inner in parts.items() if isinstance(inner, PARTS)}
            others = [part for part in parts if part not in code]
            yield _namespace(f"{name}.", vars(value), list(code), others)


def _namespace(
    prefix: str, now: Mapping[str, Any], code: list[str], others: list[str] | None = None
) -> Namespace:
    names = [*code, *(others or ())]
    get = operator.itemgetter(*names, names[0])  # of one name it would return no tuple
    found = get(now)[: len(code)]
    return Namespace(prefix, tuple(code), now, get, found, None if others is None else len(names))


def _modules(own: str) -> Iterator[ModuleType]:
    for name, module in list(sys.modules.items()):
        watched = name.startswith(PACKAGE) or name in CLOCKS
        if watched and isinstance(module, ModuleType) and not f"{name}.".startswith(f"{own}."):
            yield module


def _code(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Yield what a module defines: functions, classes, and what its own classes define."""
    for name, value in list(vars(module).items()):
        if _is_watched(value):
            yield name, value
        if isinstance(value, type) and value.__module__ == module.__name__:
            for inner, part in list(vars(value).items()):
                if isinstance(part, PARTS):
                    yield f"{name}.{inner}", part


def _is_watched(value: object) -> bool:
    return isinstance(value, WATCHED)
