"""Compiled kernels on disk: what one checkout of a machine compiled, all others take.

numba lays a kernel beside its source, so every clone, environment and copy would compile all of them
again. A kernel that carries a digest of its sources (`workloads/shared/compiled/kernels.py`) lies in
`$ADABENCH_KERNELS` instead, else in `kernels` of the cache folder, below

    MODULE-DIGEST/        of its sources, of its file with all prose (errors name lines), of the versions
                          and settings of what compiles, and of the layout of these files

Where the file lies and how old it is say nothing. Nothing there is ever changed for other sources, so
checkouts of different revisions share the folder in peace; what was not used for longest goes when
there is too much (`sweep`), and deleting any of it costs time and nothing else.

A file is written whole, and by one process at a time: numba alone would let two give one name to the
code of two signatures. It says which signature it is of, behind a digest: what is damaged, or of
something else, does not exist. Only kernels of ours have such a cache (`share`): where a user's own
functions of numba lie is as it was. Where the folder cannot be written, or is not this user's alone, or
`NUMBA_CACHE_DIR` names another, a kernel lies where numba lays it, and nowhere if that fails too.
"""

import contextlib
import hashlib
import importlib.metadata
import logging
import os
import pickle
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from numba.core import config as numba_config
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    _CacheLocator,
)

from adabench.harness.files.whole_file import hold_folder
from adabench.harness.store.prepared_states import default_folder

log = logging.getLogger(__name__)
settings: Any = numba_config

CELL = "source_digest"
"""The name of the closure cell that a kernel's digest is in; an empty one means no disk."""
LAYOUT = "1"
"""Of the files; another layout is another folder."""
MOST_BYTES = 1 << 30
"""Of all kernels; all that the tests compile take a tenth."""
LEFT = 0.75
"""The share of it that stays when there is more."""
DAY_S = 86_400.0
"""So coarse is what is known of a kernel's last use."""
COMPILERS = ("numba", "llvmlite", "numpy")
SILENT = ("NUMBA_NUM_THREADS", "NUMBA_CACHE_", "NUMBA_DEBUG_CACHE")
"""Settings that change no code."""


def kernels_folder() -> Path:
    """Return where kernels of this user lie."""
    chosen = os.environ.get("ADABENCH_KERNELS")
    return Path(chosen) if chosen else default_folder() / "kernels"


def share(made: Any) -> None:
    """Let a dispatcher or a callback of numba, not compiled yet, look for its code on the disk."""
    function = getattr(made, "py_func", None) or made.__wrapped__
    if not digest_of(function):
        return
    try:
        made._cache = KernelCache(function)
    except RuntimeError as nowhere:  # so numba says that no folder can be written
        log.info("%s is compiled in every process: %s", function.__qualname__, nowhere)


def digest_of(function: Callable[..., Any]) -> str:
    """Return the digest of its sources that a function carries; an empty one if it does not."""
    names = function.__code__.co_freevars
    cells = dict(zip(names, function.__closure__ or (), strict=True))
    return str(cells[CELL].cell_contents) if CELL in cells else ""


def sweep(root: Path, most_bytes: int = MOST_BYTES) -> None:
    """Remove the kernels that were not used for longest where there are too many."""
    with contextlib.suppress(OSError):
        folders = [(path.stat().st_mtime, _size(path), path) for path in root.iterdir()]
        total = sum(size for _, size, _ in folders)
        if total <= most_bytes:
            return
        for _, size, path in sorted(folders):
            if total <= LEFT * most_bytes:
                return
            shutil.rmtree(path, ignore_errors=True)
            total -= size


def _size(folder: Path) -> int:
    """Return the bytes in a folder; what vanishes meanwhile has none."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                total += entry.stat().st_size
    return total


class Place(_CacheLocator):
    """Where a kernel lies: numba asks it for a folder, a stamp, and a word beside the name."""

    def __init__(self, function: Callable[..., Any], file: str, root: Path) -> None:
        self._py_file = file  # numba's name: its warnings read it
        self._line = function.__code__.co_firstlineno
        content = hashlib.sha256(Path(file).read_bytes()).hexdigest()
        said = "\n".join((LAYOUT, digest_of(function), content, *_compilers()))
        self._digest = hashlib.sha256(said.encode()).hexdigest()
        self._folder = root / f"{function.__module__[-100:]}-{self._digest[:24]}"

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> "Place | None":
        """Return a function's place, or None where numba shall look for one."""
        root = kernels_folder().absolute()
        if settings.CACHE_DIR or not os.path.isfile(py_file) or not _is_usable(root):
            return None
        return cls(py_func, py_file, root)

    def get_cache_path(self) -> str:
        """Return the folder."""
        return str(self._folder)

    def ensure_cache_path(self) -> None:
        """Make the folder: that it can be written is known of its parent."""
        self._folder.mkdir(parents=True, exist_ok=True)

    def get_source_stamp(self) -> str:
        """Return what must not have changed: nothing that the folder's name does not say."""
        return self._digest

    def get_disambiguator(self) -> str:
        """Return what tells apart functions of one name."""
        return str(self._line)


class Files(IndexDataCacheFile):
    """numba's index and files of one function; whatever cannot be trusted is absent."""

    def load(self, key: Any) -> Any:
        """Return what was saved under a key, or None."""
        match super().load(key):
            case (said, data) if said == _words(key):
                return data
        return None

    def save(self, key: Any, data: Any) -> None:
        """Save under a key; two processes that do so take turns."""
        with hold_folder(Path(self._cache_path)):
            super().save(key, (_words(key), data))

    def _load_index(self) -> Any:
        try:
            return super()._load_index()
        except Exception as damaged:  # noqa: BLE001  (pickle raises anything)
            log.warning("Leaving out compiled kernels that cannot be read (%s).", damaged)
            return {}

    def _save_data(self, name: str, data: Any) -> None:
        whole = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(whole + hashlib.sha256(whole).digest())

    def _load_data(self, name: str) -> Any:
        whole = Path(self._data_path(name)).read_bytes()
        size = hashlib.sha256().digest_size
        if hashlib.sha256(whole[:-size]).digest() != whole[-size:]:
            log.warning("Leaving out a compiled kernel that is damaged (%s).", name)
            raise OSError("its digest is that of something else")  # numba takes it for absent
        return pickle.loads(whole[:-size])


class _Kernels(CompileResultCacheImpl):
    _locator_classes: Any = [Place, *CompileResultCacheImpl._locator_classes]  # noqa: RUF012


class KernelCache(FunctionCache):
    """The disk cache of one kernel, which never fails: what does not work out is compiled."""

    _impl_class = _Kernels

    def __init__(self, py_func: Callable[..., Any]) -> None:
        super().__init__(py_func)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = Files(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return compiled code, or None."""
        try:
            found = super().load_overload(sig, target_context)
        except Exception as unreadable:  # noqa: BLE001  (it imports what the file names)
            log.info("A compiled kernel cannot be taken from the disk: %s", unreadable)
            return None
        if found is not None:
            _note_use(self._cache_path)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write compiled code, if that can be done."""
        try:
            super().save_overload(sig, data)
        except (OSError, pickle.PicklingError) as problem:
            log.info("A compiled kernel is not cached: %s", problem)
        if isinstance(self._impl.locator, Place):
            _sweep_once(str(Path(self._cache_path).parent), os.getpid())


def _words(key: Any) -> str:
    """Put an index key into words: of types numba's own, which two processes write alike."""
    signature, *rest = key
    return f"{signature} {rest}"


def _note_use(folder: str) -> None:
    """Let a folder be younger than what was not used today."""
    with contextlib.suppress(OSError):
        if time.time() - os.stat(folder).st_mtime > DAY_S:
            os.utime(folder)


@cache
def _sweep_once(root: str, process: int) -> None:
    """Sweep at the first kernel that a process compiles."""
    del process
    sweep(Path(root))


@cache
def _is_usable(root: Path) -> bool:
    """Tell whether a folder is there, or can be made, is this user's alone, and can be written."""
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = root.stat()
        if status.st_uid != os.geteuid() or status.st_mode & 0o002:
            log.warning("%s is not this user's alone: kernels are not taken from it.", root)
            return False
        tempfile.TemporaryFile(dir=root).close()
    except OSError as problem:
        log.info("Compiled kernels are not shared: %s", problem)
        return False
    return True


def _compilers() -> Iterator[str]:
    """Yield the versions and settings of what makes code out of a source."""
    yield from _versions()
    yield f"svml {getattr(settings, 'USING_SVML', None)}"
    for name, value in sorted(os.environ.items()):
        if name.startswith("NUMBA_") and not name.startswith(SILENT):
            yield f"{name}={value}"


@cache
def _versions() -> tuple[str, ...]:
    versions = (f"{name} {importlib.metadata.version(name)}" for name in COMPILERS)
    return (sys.version, *versions)
