"""Compiles kernels whose disk cache notices an edit of any source that they were made from.

numba keys its disk cache by the function's own file; so a digest of the function's module and of all that it imports is put into
an unused closure cell, which numba's key covers. All checkouts of a machine share the cache (`harness/store/compiled_kernels.py`).
"""

import hashlib
import importlib.metadata
import time
from collections.abc import Callable
from functools import cache, update_wrapper
from pathlib import Path
from types import CellType, FunctionType
from typing import Any, TypeVar, cast

from numba import njit
from numba.core.ccallback import CFunc
from numba.core.dispatcher import Dispatcher
from numba.core.sigutils import normalize_signature

from adabench.harness.provenance import import_graph, source_digests
from adabench.harness.provenance.import_graph import OURS, Source
from adabench.harness.store import compiled_kernels

Function = TypeVar("Function", bound=Callable[..., Any])
Stamp = tuple[int, int]
"""When a file was written, in ns, and its bytes."""


def compiled(function: Function) -> Function:
    """Compile a kernel, or take it from the disk."""
    return cast(Function, cached(keyed(function)))


def cached(function: Callable[..., Any], *signatures: Any, **options: Any) -> Any:
    """Compile what carries a digest (`keyed`) with numba's options, or take it from the disk.

    That happens when it is called, for the types of its arguments; with signatures at once, and for
    these alone.
    """
    made: Any = njit(**options)(function)
    if not isinstance(made, Dispatcher):  # NUMBA_DISABLE_JIT: it is the function
        return made
    compiled_kernels.share(made)
    for signature in signatures:
        made.compile(signature)
    if signatures:
        made.disable_compile()
    return made


def callback(function: Callable[..., Any], signature: Any, **options: Any) -> Any:
    """Compile what carries a digest as a function of C (`numba.cfunc`), or take it from the disk."""
    made: Any = CFunc(function, normalize_signature(signature), {}, options)
    compiled_kernels.share(made)
    made.compile()
    return made


def keyed(function: Function, *hooks: Callable[..., Any]) -> Function:
    """Return `function` with an unused closure cell that holds a digest of its and hooks' sources."""
    code = function.__code__
    copy = FunctionType(
        code.replace(co_freevars=(*code.co_freevars, "source_digest")),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        (*(function.__closure__ or ()), CellType(source_digest(function, *hooks))),
    )
    return cast(Function, update_wrapper(copy, function))


def source_digest(*functions: Callable[..., Any]) -> str:
    """Return a digest of the modules of functions and of all that these import.

    It is empty, and what is compiled is not kept, where nobody can say what that is made of: one was
    made by `exec`, or a file was written after this process began, which may run what it said before.
    """
    paths = [Path(function.__code__.co_filename) for function in functions]
    if not all(path.is_file() for path in paths):
        return ""
    roots = tuple(Source(one.__module__, path) for one, path in zip(functions, paths, strict=True))
    sources, stamps, digest = _DIGESTS.get(roots, ((), (), ""))
    if not sources or _stamps(sources) != stamps:
        sources = source_digests.own(import_graph.closure(roots))
        stamps, digest = _stamps(sources), _digest(sources)
        _DIGESTS[roots] = sources, stamps, digest
    return "" if any(written_ns > _BEGAN_NS for written_ns, _ in stamps) else digest


_BEGAN_NS = time.time_ns()
_DIGESTS: dict[tuple[Source, ...], tuple[tuple[Source, ...], tuple[Stamp, ...], str]] = {}
"""By roots: all that these import, when that was written, and the digest. A module has many kernels."""


def _stamps(sources: tuple[Source, ...]) -> tuple[Stamp, ...]:
    found = [source.path.stat() for source in sources if source.path.is_file()]
    return tuple((status.st_mtime_ns, status.st_size) for status in found)


def _digest(sources: tuple[Source, ...]) -> str:
    named = source_digests.named_digest(sources)
    if any(source.top != OURS for source in sources):
        named = hashlib.sha256(f"{named}\n{_installed()}".encode()).hexdigest()
    return named


@cache
def _installed() -> str:
    """Name everything that is installed, with its version."""
    found = importlib.metadata.distributions()
    return "\n".join(sorted({f"{one.metadata['Name']} {one.version}" for one in found}))
