"""Hooks: the compiled functions that a method hands to its task's loop.

A loop is written with stand-ins for the hooks and compiled once for each method, with the
method's own inlined (`bound`). What a method keeps for itself lies in arrays of its task's, with
guard words behind them, as hooks see bare pointers that know no length.
"""

import re
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.compiled.kernels import keyed

Hook = Callable[..., Any]
Number = TypeVar("Number", np.int64, np.float64)
GUARD = 2
SENTINEL = -0x5AFE


def method_of(hook: Hook) -> str:
    """Return the last part of the name of the module a hook is from: its method.

    Raises:
        MethodContractError: if it is not a compiled hook.
    """
    function = getattr(hook, "py_func", None)
    if function is None:
        raise MethodContractError(f"{hook!r} is not compiled.", "Put `@hook` above it.")
    return str(function.__module__).rpartition(".")[2]


def stream_of(hook: Hook) -> str:
    """Return the name by which the random streams of a hook's method are keyed.

    It is the name that the method had first, so that a method that moved keeps its streams.
    """
    name = method_of(hook)
    card = cast(Any, hook).py_func.__globals__.get("CARD")
    return str(getattr(card, "moved_from", "")).rpartition("/")[2] or name


def guarded(values: NDArray[Number]) -> NDArray[Number]:
    """Return a copy with guard words behind it."""
    return np.append(values, np.full(GUARD, SENTINEL, values.dtype))


def intact(values: NDArray[Number]) -> bool:
    """Tell whether the guard words are as they were."""
    return bool((values[-GUARD:] == SENTINEL).all())


def bound(loop: Callable[..., Any], **hooks: Hook) -> Callable[..., Any]:
    """Return a loop, to be compiled, with its stand-ins replaced by compiled hooks.

    numba's disk cache watches the file of the loop alone: a digest of the sources of loop and hooks,
    and of all that these import, is mixed into its key.
    """
    functions = [cast(Any, one).py_func for one in hooks.values()]
    plain = cast(FunctionType, loop)
    parts = [plain.__name__.lstrip("_"), *(f"{one.__module__}_{one.__name__}" for one in functions)]
    name = "_".join(parts)
    copy = FunctionType(plain.__code__, {**plain.__globals__, **hooks}, name)
    copy.__qualname__ = re.sub(r"\W", "_", name)  # numba names its index file after it
    return keyed(cast(Callable[..., Any], copy), *functions)
