"""Digests of what a run's numbers depend on: the files of its tasks and methods.

Two runs, or a run and its continuation on another machine, may be joined when these agree.
"""

from collections.abc import Sequence
from pathlib import Path

from adabench.harness import cache, environment, registry
from adabench.harness.record import Turn


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
            shared[entry.task] = [path for path in folder.glob("*.py") if not _is_method(path)]
            digests[entry.task] = environment.source_digest(shared[entry.task])
        digests[address] = environment.source_digest([*shared[entry.task], entry.path])
    for path in sorted({path for turn in turns for path in cache.named_files(turn.cell)}):
        digests[path.name] = environment.source_digest([path])
    return digests


def _is_method(path: Path) -> bool:
    return path.stem != "task" and registry.read_card(path) is not None
