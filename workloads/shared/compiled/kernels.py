"""Compiled kernels whose disk cache notices an edit of any source they were made from.

numba keys its disk cache by the function's own file. A kernel that calls parts of other files
would serve stale code after an edit there. numba's key also covers the cells of a closure, so a
digest of all sources concerned is put into an unused cell: of the function's module and of all that
it imports, by what they do and how they are called. What stays in the cache of a kernel that moved
names modules that are no more.
"""

import hashlib
from collections.abc import Callable
from functools import cache, update_wrapper
from pathlib import Path
from types import CellType, FunctionType
from typing import Any, TypeVar, cast

from numba import njit

from adabench.harness.provenance import import_graph, source_digests
from adabench.harness.provenance.import_graph import Source

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a kernel, or take it from the disk."""
    return cast(Function, njit(cache=True)(keyed(function)))


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
    """Return a digest of the modules of functions and of all that these import."""
    roots, texts, bare = [], [], []
    for function in functions:
        path = Path(function.__code__.co_filename)
        if path.is_file():
            roots.append(Source(function.__module__, path))
            texts.append(path.read_bytes())
        else:  # made by `exec`: all there is of it is its code
            bare.append(function.__code__.co_code)
    return _digest(tuple(roots), tuple(texts), b"".join(bare))


@cache
def _digest(roots: tuple[Source, ...], texts: tuple[bytes, ...], bare: bytes) -> str:
    """Digest once for each content of the functions' own files: a module has many kernels."""
    del texts
    named = source_digests.named_digest(source_digests.own(import_graph.closure(roots)))
    return hashlib.sha256(named.encode() + bare).hexdigest()
