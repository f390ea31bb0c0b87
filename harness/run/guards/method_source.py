"""The source of a method, and of what it loads that is its own: found, and held against the default rule.

The rule is that of `hidden_names.py`. It holds for every method of every task, ours or a plug-in's, and needs no
line of the task. Beside the method's file these are read, as far as it imports them:

    of adabench    the files of the method's own folder, if it has one
    of a plug-in   the modules of its package, but for those that the task itself loads
    otherwise      files beside it
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from adabench.harness.contract import registry
from adabench.harness.contract.registry import Entry
from adabench.harness.run.guards.hidden_names import PACKAGE, hidden_names

METHODS = "methods"
INSTALLED = ("site-packages", "dist-packages")
"""Folders in which files lie beside each other that are not of one author."""


def source_problems(entry: Entry) -> Iterator[str]:
    """Say which lines of a method's source, and of its parts, name what is hidden."""
    task = registry.find(entry.task)
    package = _top(task.module)
    yield from _problems(entry.path, package)
    ours = under(entry.module, PACKAGE)
    home = own_folder(entry.module) if ours else _top(entry.module)
    theirs = [] if ours else [part for _, part in parts_of(task.path, task.module, package)]
    for _, part in parts_of(entry.path, entry.module, home):
        if part not in (task.path, *theirs):
            yield from (f"{part.name}: {problem}" for problem in _problems(part, package))


def parts_of(path: Path, module: str, home: str) -> Iterator[tuple[str, Path]]:
    """Yield the files below `home` that a module loads, with their dotted names."""
    waiting, known = [(module, path)], {path}
    while waiting:
        name, file = waiting.pop()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for source, target in imports(node, name):
                for one in (source, f"{source}.{target}"):
                    part = _part(path, module, home, one)
                    if part is not None and part not in known:
                        known.add(part)
                        waiting.append((one, part))
                        yield one, part


def line_of(node: ast.AST) -> int:
    """Return the line that a node begins on; 0 for what has none."""
    return int(getattr(node, "lineno", 0))


def imports(node: ast.AST, module: str) -> Iterator[tuple[str, str]]:
    """Yield the source and the name of each import of a node; `import x` has no name."""
    match node:
        case ast.Import(names=names):
            yield from ((one.name, "") for one in names)
        case ast.ImportFrom(module=source, names=names, level=level):
            above = module.split(".")[:-level] if level else []
            start = ".".join([*above, *([source] if source else [])])
            yield from ((start, one.name) for one in names)


def own_folder(module: str) -> str:
    """Return the dotted name of what belongs to a method alone: its folder, or its file."""
    home, _, inner = module.partition(f".{METHODS}.")
    if not inner:
        return module.rpartition(".")[0] or module
    return f"{home}.{METHODS}.{inner.partition('.')[0]}"


def under(name: str, *homes: str) -> bool:
    """Tell whether a dotted name is one of `homes` or lies below one."""
    return any(name == home or name.startswith(f"{home}.") for home in homes)


def _problems(path: Path, package: str) -> Iterator[str]:
    for line, name in hidden_names(ast.parse(path.read_text(encoding="utf-8")), package):
        yield f"It reaches for {name!r} on line {line}: no method needs it."


def _top(module: str) -> str:
    return module.partition(".")[0]


def _part(path: Path, module: str, home: str, name: str) -> Path | None:
    """Return the file of an imported module, if it lies below `home` or beside a file of no package."""
    above = module.count(".") - home.count(".") - 1
    if under(name, home) and above >= 0:
        stem = path.parents[above] / name.removeprefix(home).strip(".").replace(".", "/")
        places = [stem.with_suffix(".py"), stem / "__init__.py"]
    elif "." not in name and not any(folder in path.parts for folder in INSTALLED):
        places = [path.with_name(f"{name}.py")]
    else:
        places = []
    return next((place for place in places if place.is_file()), None)
