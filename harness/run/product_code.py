"""Did a method change code that is not its own? A look at functions and classes before and after.

A process that a method shares with the substrate could replace the counting meter, a clock or a
scorer. Nothing of that reaches another method or the parent, but the method's own records would be
wrong. So the functions and classes of every loaded module of adabench, and of the clocks, are noted
before the method's module is imported, and looked at again after it has solved.
"""

import sys
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType

PACKAGE, CLOCKS = "adabench.", frozenset(("time", "random"))
Snapshot = Mapping[str, Mapping[str, object]]
"""By module: its functions and classes, and what its own classes define (`Class.name`)."""


def snapshot(own: str = "") -> Snapshot:
    """Return the code that is loaded now; modules below `own` are left out."""
    return {module.__name__: dict(_code(module)) for module in _modules(own)}


def changes(before: Snapshot) -> list[str]:
    """Return the dotted names of what is other code now, is gone, or was added to a class."""
    found = []
    for module, code in before.items():
        now = dict(_code(sys.modules[module])) if module in sys.modules else {}
        other = [name for name, value in code.items() if now.get(name) is not value]
        added = [n for n in now.keys() - code.keys() if "." in n and n.partition(".")[0] in code]
        found += [f"{module}.{name}" for name in (*other, *added)]
    return sorted(found)


def _modules(own: str) -> Iterator[ModuleType]:
    for name, module in list(sys.modules.items()):
        watched = name.startswith(PACKAGE) or name in CLOCKS
        if watched and isinstance(module, ModuleType) and not f"{name}.".startswith(f"{own}."):
            yield module


def _code(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Yield what a module defines: functions, classes, and what its own classes define."""
    for name, value in list(vars(module).items()):
        if isinstance(value, FunctionType | type) or _is_builtin(value):
            yield name, value
        if isinstance(value, type) and value.__module__ == module.__name__:
            for inner, part in list(vars(value).items()):
                if isinstance(part, FunctionType | property | classmethod | staticmethod):
                    yield f"{name}.{inner}", part


def _is_builtin(value: object) -> bool:
    return type(value).__name__ == "builtin_function_or_method"
