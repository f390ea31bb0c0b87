"""Compiled kernels whose disk cache notices an edit of any source they were made from.

numba keys its disk cache by the function's own file. A kernel that calls parts of other files
would serve stale code after an edit there. numba's key also covers the cells of a closure, so a
digest of all sources concerned is put into an unused cell.
"""

import hashlib
from collections.abc import Callable, Iterable
from functools import update_wrapper
from pathlib import Path
from types import CellType, FunctionType
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def digest_of(sources: Iterable[Path]) -> str:
    """Return the SHA-256 of files' contents, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def compiled(digest: str) -> Callable[[Function], Function]:
    """Return the decorator that compiles a kernel which depends on the digested sources."""

    def decorate(function: Function) -> Function:
        return cast(Function, njit(cache=True)(keyed(function, digest)))

    return decorate


def keyed(function: Function, digest: str) -> Function:
    """Return `function` with an unused closure cell that holds `digest`."""
    code = function.__code__
    copy = FunctionType(
        code.replace(co_freevars=(*code.co_freevars, "source_digest")),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        (*(function.__closure__ or ()), CellType(digest)),
    )
    return cast(Function, update_wrapper(copy, function))
