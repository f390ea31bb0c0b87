"""Did a method change code that is not its own? A look at functions and classes before and after.

A process that a method shares with the substrate could replace the counting meter, a clock or a
scorer. Nothing of that reaches another method or the parent, but the method's own records would be
wrong. So the functions and classes of every loaded module of adabench, and of the clocks, are noted
before the method's module is imported, and looked at again after each solve.

Naming what changed takes 2 to 10 ms, as many names as there are. So each time only this is seen:
whether every name still means the same object and no class has got another one. That takes 0.1 to 0.2 ms.
"""

import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

PARTS = (FunctionType, property, classmethod, staticmethod)
"""What of a class is code."""
PACKAGE, CLOCKS = "adabench.", frozenset(("time", "random"))
Code = Mapping[str, Mapping[str, object]]
"""By module: its functions and classes, and what its own classes define (`Class.name`)."""


@dataclass(frozen=True)
class Namespace:
    """The code of a module or a class, as it was noted."""

    now: Mapping[str, Any]
    get: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    """Looks names up: those of code first, and all others of a class."""
    code: tuple[Any, ...]
    size: int | None
    """How many names a class has."""


@dataclass
class Snapshot:
    """The code that was loaded at one time."""

    code: Code
    modules: tuple[ModuleType, ...]
    namespaces: list[Namespace] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._note()

    def changes(self) -> list[str]:
        """Return the dotted names of what is other code now, is gone, or was added to a class."""
        if self._is_same():
            return []
        found = _differences(self.code)
        if not found:  # something in a class that is no code
            self._note()
        return found

    def _note(self) -> None:
        self.namespaces = [found for module in self.modules for found in _namespaces(module)]

    def _is_same(self) -> bool:
        loaded = sys.modules
        if not all(loaded.get(module.__name__) is module for module in self.modules):
            return False
        try:
            return all(
                all(map(operator.is_, one.code, one.get(one.now)))
                and (one.size is None or one.size == len(one.now))
                for one in self.namespaces
            )
        except KeyError:
            return False


def snapshot(own: str = "") -> Snapshot:
    """Return the code that is loaded now; modules below `own` are left out."""
    modules = tuple(_modules(own))
    return Snapshot({module.__name__: dict(_code(module)) for module in modules}, modules)


def _differences(before: Code) -> list[str]:
    found = []
    for module, code in before.items():
        now = dict(_code(sys.modules[module])) if module in sys.modules else {}
        other = [name for name, value in code.items() if now.get(name) is not value]
        added = [n for n in now.keys() - code.keys() if "." in n and n.partition(".")[0] in code]
        found += [f"{module}.{name}" for name in (*other, *added)]
    return sorted(found)


def _namespaces(module: ModuleType) -> Iterator[Namespace]:
    own = vars(module)
    names = [name for name, value in own.items() if _is_watched(value)]
    if names:
        yield _namespace(own, names)
    for value in (own[name] for name in names):
        if isinstance(value, type) and value.__module__ == module.__name__:
            parts = dict(vars(value))
            code = [name for name, part in parts.items() if isinstance(part, PARTS)]
            yield _namespace(vars(value), code, [name for name in parts if name not in code])


def _namespace(
    now: Mapping[str, Any], code: list[str], others: list[str] | None = None
) -> Namespace:
    names = [*code, *(others or ())]
    get = operator.itemgetter(*names, names[0])  # of one name it would return no tuple
    return Namespace(now, get, get(now)[: len(code)], None if others is None else len(names))


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
    return isinstance(value, FunctionType | type) or _is_builtin(value)


def _is_builtin(value: object) -> bool:
    return type(value).__name__ == "builtin_function_or_method"
