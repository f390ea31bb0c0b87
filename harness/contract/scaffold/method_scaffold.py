"""The file of a new method: one of the task's shortest methods under a card that says what to fill in.

So it runs and passes `adabench check` at once, on any task, and what the task asks of a method stands in
code that is known to work.
"""

import ast
import re
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from adabench.harness.contract import card as vocabulary
from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.registry import Entry
from adabench.harness.contract.source_files import PACKAGE
from adabench.harness.errors import SelectionError

VOCABULARY = vocabulary.__name__
DOCSTRING = '''"""{title}.

FILL IN: the idea; the signal that it adapts on, and where; the equation; what is simplified.
What stands below is the code of `{model}`, so that this file can be run: change it.

**What to expect.** FILL IN, before the first run: what it should gain, and what it should cost.

**Ways to fake it.** FILL IN: how a method could look good on this task without adapting.
"""
'''


def method_text(address: str, like: str = "") -> str:
    """Return the file of a method to be; `like` names the method of the task that it begins as.

    Raises:
        SelectionError: for a task that is none, a name that is taken or is no name of a file, or a
            method to begin as that cannot be copied.
    """
    task, _, name = address.partition("/")
    known = registry.methods(registry.find(task).address)
    if not name.isidentifier() or not name.islower():
        raise SelectionError(
            f"{name!r} is no name of a method.",
            "Say TASK/NAME, the name in small letters, digits and underscores: paging/mine.",
        )
    if address in known:
        raise SelectionError(
            f"There is a method {address} already.", f"adabench show {address} has its card."
        )
    return _text(task, name, _model(task, like))


def method_place(address: str) -> Path:
    """Return where the file of a method goes: beside a task that lies in this folder, else into the folder."""
    task, _, name = address.partition("/")
    home = registry.find(task).path.parent / "methods"
    here = Path.cwd()
    if home.is_relative_to(here) and PACKAGE not in registry.find(task).module:
        return home.relative_to(here) / f"{name}.py"
    return Path(f"{name}.py")


def _model(task: str, like: str) -> Entry:
    """Return the method to begin as: the one that is asked for, or the shortest static one."""
    if like:
        model = registry.find(like if "/" in like else f"{task}/{like}")
        if model.task != task or "/" not in model.address or not _is_one_file(model):
            raise SelectionError(
                f"{like} is no method of {task} that is one file.", f"adabench list {task}"
            )
        return model
    able = [entry for entry in registry.methods(task).values() if _is_one_file(entry)]
    if not able:
        raise SelectionError(
            f"Every method of {task} has parts of its own.",
            "Copy the folder of one: see CONTRIBUTING.md.",
        )
    return min(able, key=_effort)


def _is_one_file(entry: Entry) -> bool:
    has_parts = entry.path.parent.name == entry.path.stem
    return not entry.problem and not has_parts and entry.essay is None


def _effort(entry: Entry) -> tuple[bool, bool, bool, int, str]:
    """Return by how much a method is more than the least that one needs."""
    text = entry.path.read_text(encoding="utf-8")
    prepares = "\ndef prepare(" in text
    return entry.card.role != "static", bool(entry.card.needs), prepares, len(text), entry.name


def _text(task: str, name: str, model: Entry) -> str:
    """Return the code of a method under a docstring and a card of its own."""
    source = model.path.read_text(encoding="utf-8")
    card = _card(name, task, model.card)
    title = name.replace("_", " ").capitalize()
    docstring = DOCSTRING.format(title=title, model=model.address).rstrip("\n")
    body = ast.parse(source).body
    rest = "\n".join(ast.unparse(node) for node in body if not _is_replaced(node))
    lines = source.splitlines()
    for node in reversed(body):
        if not _is_replaced(node):
            continue
        text = docstring if isinstance(node, ast.Expr) else card
        text = _imports(f"{card}\n{rest}") if isinstance(node, ast.ImportFrom) else text
        lines[node.lineno - 1 : node.end_lineno] = [text]
    own = () if ast.get_docstring(ast.parse(source)) else (docstring, "")
    return "\n".join([*own, *lines]) + "\n"


def _is_replaced(node: ast.stmt) -> bool:
    """Say whether a statement is the docstring, the card, or the import of what a card is written with."""
    if isinstance(node, ast.ImportFrom):
        return node.module == VOCABULARY
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) or any(
        isinstance(target, ast.Name) and target.id == "CARD" for target in targets
    )


def _imports(text: str) -> str:
    """Return the import of those names of a card that a text uses."""
    names = [name for name in vocabulary.__all__ if re.search(rf"\b{name}\b", text)]
    return f"from {VOCABULARY} import {', '.join(sorted(names))}"


def _card(name: str, task: str, model: Card) -> str:
    """Return a card that says what to fill in, with what the code of its model needs."""
    own = {
        field: getattr(model, field)
        for field in ("knobs", "fixed", "conditions", "needs", "abilities")
        if getattr(model, field)
    }
    words = [
        f'title="{name}: FILL IN what it does, in a few words",',
        'paper="FILL IN authors, title, year; or: our own",',
        'adapts="FILL IN what adapts, on which signal, at which granularity",',
        'role="adaptive",  # or static, control, oracle',
        f"tasks={literal((task,))},",
        *(f"{field}={literal(value)}," for field, value in own.items()),
        "claims=(),  # FILL IN what should come out, with its bar, before the first run",
    ]
    return "\n".join(["CARD = Card(", *(f"    {word}" for word in words), ")"])


def literal(value: Any) -> str:
    """Write a part of a card as it stands in a file."""
    if is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}({', '.join(_arguments(value))})"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) and '"' not in value else repr(value)


def _arguments(value: Any) -> list[str]:
    """Return the arguments that make a part of a card; what is left at its default is left out."""
    found = []
    for field in fields(value):
        own = getattr(value, field.name)
        usual = field.default if field.default_factory is MISSING else field.default_factory()
        if usual is MISSING:
            found.append(literal(own))
        elif own != usual:
            found.append(f"{field.name}={literal(own)}")
    return found
