"""What a value holds now, to be compared with what it holds later: answers, counts and cases.

Taking one is part of what is measured of a method, so arrays that nobody can change are not copied.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np

ATOMS = frozenset((int, float, complex, bool, str, bytes, type(None)))


def snapshot(value: Any) -> Any:
    """Return what a value holds, as dictionaries, lists, arrays and atoms; functions hold nothing."""
    kind: Any = type(value)
    if kind in ATOMS:
        return value
    if isinstance(value, np.ndarray):
        return value if _is_immutable(value) else value.copy()
    names = _names(kind)
    if names is not None:
        return {name: snapshot(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {name: snapshot(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [snapshot(one) for one in value]
    return None if callable(value) else repr(value)


def equal(one: Any, other: Any, *, timed: bool = True) -> bool:
    """Tell whether two snapshots are equal, arrays to the bit.

    Times, which are in fields and items whose names end with `_s`, count only if `timed`.
    """
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            equal(value, other[name], timed=timed)
            for name, value in one.items()
            if timed or not str(name).endswith("_s")
        )
    if isinstance(one, list):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(equal(*pair, timed=timed) for pair in pairs)
    if isinstance(one, np.ndarray):
        alike = one.dtype == other.dtype and one.shape == other.shape
        return one is other or (alike and one.tobytes() == other.tobytes())
    return repr(one) == repr(other)  # so NaN is NaN, and -0.0 is not 0.0


def _is_immutable(array: np.ndarray[Any, Any]) -> bool:
    """Tell whether an array lies over bytes, as those of `read_only` do."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, bytes)


@cache
def _names(kind: type) -> tuple[str, ...] | None:
    """Return the fields of a dataclass or a named tuple; None for any other class."""
    if is_dataclass(kind):
        return tuple(field.name for field in fields(kind))
    return getattr(kind, "_fields", None) if issubclass(kind, tuple) else None
