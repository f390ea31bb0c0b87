"""Digests of code: of a task, a method, a training, a compiled kernel, the analysis.

What something depends on is what it imports (`import_graph.py`), and what counts of a file is what
it does (`syntax.py`). There are two digests of a set of files:

- `digest` says what the code does. Prose does not change it, and neither does a move: an import of
  one of our own modules stands in it as what that module does, not as where it lies. This one is
  recorded, in runs and in the cards of checkpoints: it answers whether the code was another.
- `named_digest` changes with a module's name too. It is the key of what is kept on disk and names
  modules itself: pickled states and compiled kernels cannot be read after a move.

A digest begins with the scheme that it was made by. Digests of two schemes say nothing of each
other (`comparable`); those of before had no scheme.

The harness and the profilers are what everything runs on. A run records them once (`base_digest`),
so that a changed sentence in `harness/errors.py` does not make each method another one: `own` takes
them out. Prepared states are more careful: their key covers them as far as they are imported.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from adabench.harness.provenance import import_graph, syntax
from adabench.harness.provenance.import_graph import OURS, Locate, Reader, Source
from adabench.harness.provenance.syntax import Import

SCHEME = "code-1:"
BASE = (f"{OURS}.harness.", f"{OURS}.profilers.")
"""What runs methods, and is no part of them."""
RUNNERS = ("adabench.harness.run.execute", "adabench.harness.run.task_server")
"""They import everything that a method runs on."""
_SIBLING = re.compile(r'__file__\)\.parents\[(\d)\] / "(\w+)" / "checkpoints"')
PROSE = frozenset((".md", ".rst", ".txt", ".pyc"))
"""Endings of files that no code reads as data: `.txt` are notes beside traces."""


class Module(Protocol):
    """What is known of a task or a method: `registry.Entry` is one."""

    @property
    def module(self) -> str:
        """Its whole name."""
        ...

    @property
    def path(self) -> Path:
        """Its file; no file if it is not installed."""
        ...


def sources_of(
    *modules: Module, reader: Reader = syntax.read, locate: Locate | None = None
) -> tuple[Source, ...]:
    """Return the sources of a task and a method, or of either: their files and what these import.

    `locate` is what finds modules, for who asks often and remembers.
    """
    roots = [Source(one.module, one.path) for one in modules if one.path.is_file()]
    return import_graph.closure(roots, reader, locate)


def sources_of_modules(*names: str, reader: Reader = syntax.read) -> tuple[Source, ...]:
    """Return the sources of modules by name, and of what they import.

    Raises:
        ModuleNotFoundError: if there is no such module.
    """
    roots = []
    for name in names:
        found = import_graph.find(name)
        if found is None:
            raise ModuleNotFoundError(f"There is no module {name} to digest.", name=name)
        roots.append(found)
    return import_graph.closure(roots, reader)


def own(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Return sources without the harness and the profilers."""
    return tuple(source for source in sources if not source.module.startswith(BASE))


def digest(sources: Iterable[Source], reader: Reader = syntax.read) -> str:
    """Return a digest of what modules do, whatever their names, their order and their folders.

    Raises:
        OSError: if a file cannot be read.
    """
    chosen = {source.module: source for source in sources}
    tops = {OURS, *(source.top for source in chosen.values())}
    lines = sorted(_code(source, tops, chosen, reader) for source in chosen.values())
    return SCHEME + hashlib.sha256(b"".join(lines)).hexdigest()


def named_digest(sources: Iterable[Source], reader: Reader = syntax.read) -> str:
    """Return a digest of what modules do and of how they are called.

    Raises:
        OSError: if a file cannot be read.
    """
    chosen = sorted(set(sources))
    names = "\n".join(source.module for source in chosen)
    return hashlib.sha256(f"{digest(chosen, reader)}\n{names}".encode()).hexdigest()


def base_digest(reader: Reader = syntax.read) -> str:
    """Return the digest of everything that a method runs on, beside what it imports itself."""
    return digest(sources_of_modules(*RUNNERS, reader=reader), reader)


def comparable(a: str, b: str) -> bool:
    """Say whether two digests were made in the same way."""
    return a.partition(":")[0] == b.partition(":")[0] if ":" in a + b else True


def short(digest: str, digits: int = 12) -> str:
    """Return the beginning of a digest, without its scheme: enough to tell two apart by eye."""
    return digest.removeprefix(SCHEME)[:digits]


def data_files(sources: Iterable[Source], folders: Iterable[Path] = ()) -> tuple[Path, ...]:
    """Return the data that lies beside sources or anywhere below `folders`: weights, traces.

    Beside a source lie the files of its folder, and those of sub-folders that hold no Python.
    A module that lies in no package has no data: its folder is everybody's.
    """
    found: set[Path] = set()
    for folder in {source.path.parent for source in sources if "." in source.module}:
        for entry in folder.iterdir():
            if entry.is_file():
                found.add(entry)
            elif entry.is_dir() and not any(entry.rglob("*.py")):
                found.update(entry.rglob("*"))
    for folder in folders:
        found.update(folder.rglob("*"))
    return tuple(sorted(path for path in found if _is_data(path)))


def sibling_checkpoints(sources: Iterable[Source]) -> tuple[Path, ...]:
    """Return the folders of checkpoints of other tasks that sources name.

    `Path(__file__).parents[1] / "lookup" / "checkpoints"` is one: weights that a family shares lie beside one
    of its tasks.
    """
    found = {
        source.path.parents[int(up)] / task / "checkpoints"
        for source in sources
        for up, task in _SIBLING.findall(source.path.read_text(encoding="utf-8", errors="replace"))
    }
    return tuple(sorted(found))


def named_files(conditions: Mapping[str, object]) -> list[Path]:
    """Return the files that conditions name: `requests.csv.gz:url` is one."""
    words = [value for value in conditions.values() if isinstance(value, str)]
    paths = [Path(part) for word in words for part in (word, word.rpartition(":")[0]) if part]
    return [path for path in paths if path.is_file()]


def _is_data(path: Path) -> bool:
    hidden = path.name.startswith((".", "py.typed")) or "__pycache__" in path.parts
    return path.suffix not in (".py", *PROSE) and not hidden and path.is_file()


def _code(source: Source, tops: set[str], chosen: dict[str, Source], reader: Reader) -> bytes:
    """Digest one module, with what its imports do in the place of their names."""
    try:
        parts = reader(source.path).parts
    except (SyntaxError, ValueError):  # it cannot be loaded either, so its text is all there is
        return hashlib.sha256(source.path.read_bytes()).digest()
    mixed = hashlib.sha256()
    for part in parts:
        if isinstance(part, bytes):
            mixed.update(part)
        else:
            words = sorted(_meaning(source, one, tops, chosen, reader) for one in part)
            mixed.update(hashlib.sha256(b"\n".join(words)).digest())
    return mixed.digest()


def _meaning(
    source: Source, one: Import, tops: set[str], chosen: dict[str, Source], reader: Reader
) -> bytes:
    """Say what an import binds: a foreign name, or a name out of code that is one of the chosen."""
    module = import_graph.absolute(source, one)
    if module.partition(".")[0] not in tops:
        return f"{one.bound} = {module}:{one.name}".encode()
    found = import_graph.target(source, one, tops, chosen.get)
    if found is None:  # the harness, for those who took it out
        return f"{one.bound} = {one.name}".encode()
    whole = found.module == f"{module}.{one.name}"
    return f"{one.bound} = {'' if whole else one.name} of ".encode() + _body(found, reader)


def _body(source: Source, reader: Reader) -> bytes:
    """Digest one module without its imports: enough to tell it from the others."""
    try:
        return reader(source.path).body
    except (SyntaxError, ValueError):
        return hashlib.sha256(source.path.read_bytes()).digest()
