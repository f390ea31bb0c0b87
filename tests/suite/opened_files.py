"""Which files of the repository a test opens, in its own process and in those that it starts.

`make test-all` holds them against the closure of the test's unit: a file outside it means that a pass
could be kept although what it stood on has changed. A hook hears every `open`; a module that another
test had imported already is opened no more, so imports are heard too. Child processes of Python hear
with the same hook (`audit_site/sitecustomize.py`); the unit travels in the environment.
"""

import builtins
import importlib
import os
import sys
from collections import defaultdict
from collections.abc import Container, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = "ADABENCH_TEST_OPENED"
"""Names the folder of what was opened: a file for each process."""
UNIT = "ADABENCH_TEST_UNIT"
SITE = str(Path(__file__).with_name("audit_site"))
ROOT = str(Path(__file__).resolve().parents[2]) + os.sep
LINKS = os.path.join(ROOT, ".links", "adabench") + os.sep
REGISTRY = "harness/contract/registry.py"


class OpenedFiles:
    """Writes down what this process opens, once for each unit, as soon as it does."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.seen: set[tuple[str, str]] = set()
        self.process, self.descriptor = 0, -1

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Be an audit hook."""
        if event == "open" and isinstance(arguments[0], str):
            mode = arguments[1]
            if not (isinstance(mode, str) and mode[:1] in "wax"):
                self.note(inside(arguments[0]))

    def note(self, path: str) -> None:
        """Write a path of the repository down."""
        unit = os.environ.get(UNIT, "")
        if not path or not unit or (unit, path) in self.seen:
            return
        node = f"card:{path}" if _reads_a_card() else path
        self.seen.add((unit, node))
        if node == path:
            self.seen.add((unit, path))
        if self.process != os.getpid():  # a fork writes a file of its own
            self.process = os.getpid()
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self.descriptor = os.open(os.path.join(self.folder, str(self.process)), flags, 0o600)
        os.write(self.descriptor, f"{unit}\t{node}\n".encode())


def inside(path: str) -> str:
    """Return a path relative to the repository, the source for a compiled file; empty if outside."""
    whole = os.path.abspath(path)
    if whole.startswith(LINKS):
        whole = ROOT + whole[len(LINKS) :]
    if not whole.startswith(ROOT):
        return ""
    found = whole[len(ROOT) :]
    if "__pycache__" in found:
        folder, _, name = found.rpartition("/__pycache__/")
        found = f"{folder}/{name.partition('.')[0]}.py"
    hidden = found.startswith((".venv", ".git/", ".pytest", ".links", "build/"))
    return "" if hidden or os.path.isdir(whole) else found


def _reads_a_card() -> bool:
    """Tell whether the registry opens a file to read its card."""
    frame = sys._getframe(1)
    for _ in range(8):
        if frame is None:
            return False
        if frame.f_code.co_filename.endswith(REGISTRY):
            return frame.f_code.co_name in ("card_expression", "_read_card", "read_card")
        frame = frame.f_back  # type: ignore[assignment]
    return False


def listen(*, imports: bool) -> OpenedFiles | None:
    """Begin to hear, if the environment says where to write; for as long as the process lives."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return None
    opened = OpenedFiles(folder)
    sys.addaudithook(opened.hear)
    if imports:
        _hear_imports(opened)
    return opened


def _hear_imports(opened: OpenedFiles) -> None:
    """Note modules that are imported again: they are opened no more."""
    plain, by_name = builtins.__import__, importlib.import_module

    def note(module: ModuleType | None) -> None:
        file = getattr(module, "__file__", None)
        if file:
            opened.note(inside(file))

    def hearing(
        name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> ModuleType:
        found = plain(name, globals, locals, fromlist, level)
        if level or name.startswith(("adabench", "tests", "docs", "checks")):
            note(sys.modules.get(name, found))
            for one in fromlist or ():
                note(sys.modules.get(f"{found.__name__}.{one}"))
        return found

    def hearing_by_name(name: str, package: str | None = None) -> ModuleType:
        found = by_name(name, package)
        note(found)
        return found

    builtins.__import__ = hearing
    importlib.import_module = hearing_by_name


def outside(
    folder: Path, closures: Mapping[str, frozenset[str]], known: Container[str]
) -> dict[str, list[str]]:
    """Return what units opened outside their closures, of the files that the repository knows.

    Where a card is opened, a closure that has the file has the card.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for file in folder.iterdir():
        for line in file.read_text().splitlines():
            unit, _, node = line.partition("\t")
            plain = node.removeprefix("card:")
            if unit in closures and plain in known and not {node, plain} & closures[unit]:
                found[unit].add(node)
    return {unit: sorted(nodes) for unit, nodes in sorted(found.items())}
