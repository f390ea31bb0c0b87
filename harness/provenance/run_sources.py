"""Digests of what a run's numbers depend on: the files of its tasks and methods.

A task's own files count, and the modules of `workloads/shared` that they import, directly or
through one another.

Two runs, or a run and its continuation on another machine, may be joined when these agree.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from adabench.harness.contract import registry
from adabench.harness.contract.record import Turn
from adabench.harness.provenance import environment
from adabench.harness.store import prepared_states

SHARED = "adabench.workloads.shared"


def sources(turns: Sequence[Turn]) -> dict[str, str]:
    """Digest what the cells' results depend on: the task folder's shared files and the method."""
    shared: dict[str, list[Path]] = {}
    digests = {}
    for address in sorted({turn.cell.address for turn in turns}):
        entry = registry.find(address)
        if not entry.path.is_file():
            continue
        if entry.task not in shared:
            folder = registry.find(entry.task).path.parent
            own = [path for path in folder.glob("*.py") if not _is_method(path)]
            shared[entry.task] = [*own, *borrowed(folder.glob("*.py"), folder.parent / "shared")]
            digests[entry.task] = environment.source_digest(shared[entry.task])
        digests[address] = environment.source_digest([*shared[entry.task], entry.path])
    for path in sorted({path for turn in turns for path in prepared_states.named_files(turn.cell)}):
        digests[path.name] = environment.source_digest([path])
    return digests


def borrowed(paths: Iterable[Path], folder: Path) -> list[Path]:
    """Return the modules of `workloads/shared` that files import, and those that these import."""
    todo, found = list(paths), set[Path]()
    while todo:
        named = {folder / f"{name}.py" for name in _imported(todo.pop())}
        fresh = {path for path in named - found if path.is_file()}
        found |= fresh
        todo += fresh
    return sorted(found)


def _imported(path: Path) -> Iterator[str]:
    """Yield the names that a file imports from `workloads/shared`."""
    text = path.read_text(encoding="utf-8")
    if SHARED not in text:  # most files import none of it, and parsing takes milliseconds
        return
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.ImportFrom(module=module, names=names) if module == SHARED:
                yield from (one.name for one in names)
            case ast.ImportFrom(module=str(module)) if module.startswith(f"{SHARED}."):
                yield module.removeprefix(f"{SHARED}.").partition(".")[0]
            case ast.Import(names=names):
                whole = (one.name for one in names if one.name.startswith(f"{SHARED}."))
                yield from (name.removeprefix(f"{SHARED}.").partition(".")[0] for name in whole)


def _is_method(path: Path) -> bool:
    return path.stem != "task" and registry.read_card(path) is not None
