"""A function of a notebook as the text of a module, with all that it needs to stand alone.

Methods live in processes of their own, which cannot see a notebook. So the text of the function is
taken, and of what it uses: functions and classes of the notebook as text, those of modules as
imports, numbers and texts as they are now. Live objects (a model, an array, an open file) are
refused; `prepare` is the place to make them.
"""

import ast
import builtins
import importlib.util
import re
import sys
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from types import ModuleType
from typing import Any

from adabench.harness.contract import card as vocabulary
from adabench.harness.contract.card import Card
from adabench.harness.errors import MethodContractError
from adabench.harness.notebook.source_text import (
    AS_A_FILE,
    SourceText,
    outer_names,
    plain_function,
    read_source,
)

CARD_MODULE = "adabench.harness.contract.card"
INSTANCE = "_METHOD"
LONGEST = 20_000
"""Characters of a constant that is written down."""
RESERVED = frozenset(("CARD", INSTANCE))
PLAIN = (int, float, complex, str, bytes, bool, type(None), tuple, list, dict, set, frozenset)


@dataclass
class MethodModule:
    """The parts of a module, collected from what a method uses."""

    address: str
    home: str
    """The module that the method was defined in: what is of it is taken as text."""
    imports: list[str] = field(default_factory=list)
    constants: list[str] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)
    bound: dict[str, object] = field(default_factory=dict)
    """What each name of the module means."""

    def define(
        self, name: str, value: object, source: SourceText, names: Mapping[str, Any]
    ) -> None:
        """Take a definition, and before it what it uses."""
        self.bound[name] = value
        for used in sorted(source.names):
            if used in names:
                self._take(used, names[used], name, source)
            elif not hasattr(builtins, used) and used != "__name__":
                raise self._refusal(f"{name} uses {used}, which is not defined.")
        self.definitions.append(source.text)

    def _take(self, name: str, value: Any, user: str, source: SourceText) -> None:
        """Bind a name that a definition uses."""
        if name in self.bound and self.bound[name] is value:
            if isinstance(value, ModuleType):
                self._import_below(name, value, source)
            return
        if name in self.bound or name in RESERVED:
            raise self._refusal(f"{user} uses {name}, a name that means something else here.")
        if isinstance(value, ModuleType):
            self._import_module(name, value, user, source)
        elif self._is_of_home(value):
            self.define(name, value, read_source(value, self.address), outer_names(value))
        elif (origin := _origin(value)) is not None:
            self.imports.append(f"from {origin[0]} import {origin[1]} as {name}")
        elif _is_plain(value):
            self.constants.append(f"{name} = {value!r}")
        elif (holder := _holder(name, value, self.home)) is not None:
            self.imports.append(f"from {holder} import {name}")
        else:
            kind = type(value).__name__
            raise self._refusal(
                f"{user} uses {name}, a live {kind} of this process, which the process of a method "
                "cannot see; make it in `prepare`."
            )
        self.bound[name] = value

    def _import_module(self, name: str, module: ModuleType, user: str, source: SourceText) -> None:
        if module.__name__ == "__main__" or not _is_found(module.__name__):
            raise self._refusal(f"{user} uses {name}, a module that has no file to import.")
        if "." in name or name == module.__name__:
            self.imports.append(f"import {module.__name__}")
        else:
            self.imports.append(f"import {module.__name__} as {name}")
        self._import_below(name, module, source)

    def _import_below(self, name: str, module: ModuleType, source: SourceText) -> None:
        """Import modules below one that are reached as its attributes: `scipy.optimize`."""
        for dotted in sorted(source.attributes):
            if dotted.startswith(f"{name}."):
                inner = f"{module.__name__}{dotted.removeprefix(name)}"
                line = f"import {inner}"
                if inner in sys.modules and line not in self.imports:
                    self.imports.append(line)

    def _is_of_home(self, value: object) -> bool:
        """Tell whether a value is a function or class of the notebook itself."""
        function = plain_function(value)
        if function is not None and not isinstance(value, type):
            return function.__module__ == self.home
        return isinstance(value, type) and value.__module__ == self.home

    def _refusal(self, sentence: str) -> MethodContractError:
        return MethodContractError(sentence, AS_A_FILE.format(self.address))

    def text(self, card: Card, essay: str, ends: list[str]) -> str:
        """Return the module's text; `ends` are its last lines."""
        expression = card_expression(card)
        words = sorted(set(re.findall(r"\b([A-Z]\w*)\(", expression)) & set(vocabulary.__all__))
        head = [f"from {CARD_MODULE} import {', '.join(words)}", *sorted(set(self.imports))]
        blocks = [
            _docstring(essay),
            "from __future__ import annotations",
            "\n".join(head),
            "\n".join(self.constants),
            f"CARD = {expression}",
            *(text.strip() for text in self.definitions),
            "\n".join(ends),
        ]
        return "\n\n".join(filter(None, blocks)) + "\n"


def card_expression(card: Card) -> str:
    """Return a card as the one expression that it is read from; what is at its default is left out."""
    given = []
    for item in fields(card):
        value = getattr(card, item.name)
        default = item.default_factory() if item.default_factory is not MISSING else item.default
        if value != default:
            given.append(f"{item.name}={value!r}")
    return f"Card({', '.join(given)})"


def _docstring(essay: str) -> str:
    return '"""' + essay.replace("\\", "\\\\").replace('"""', "'''").strip() + '\n"""'


def _origin(value: object) -> tuple[str, str] | None:
    """Return the module and the name that a function, class or the like can be imported by."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or not name.isidentifier():
        return None
    found = getattr(sys.modules.get(module), name, None)
    return (module, name) if found is value and _is_found(module) else None


def _holder(name: str, value: object, home: str) -> str | None:
    """Return a module that has the same object under the same name, the one of the shortest name."""
    holders = [
        module.__name__
        for module in list(sys.modules.values())
        if isinstance(module, ModuleType)
        and module.__name__ not in (home, "__main__")
        and vars(module).get(name) is value
    ]
    found = (one for one in sorted(holders, key=lambda one: (len(one), one)) if _is_found(one))
    return next(found, None)


def _is_found(module: str) -> bool:
    """Tell whether a fresh process could import a module."""
    if module in sys.builtin_module_names:
        return True
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _is_plain(value: object) -> bool:
    """Tell whether a value is one that can be written down: numbers, texts, and tuples of them."""
    if not isinstance(value, PLAIN):
        return False
    text = repr(value)
    try:
        return len(text) <= LONGEST and ast.literal_eval(text) == value
    except (SyntaxError, ValueError, TypeError):
        return False
