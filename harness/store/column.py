"""A column of a table that takes as little room as its values allow, and reads as floats.

Most of what is recorded are whole numbers, many of them the same in every record, and a run of
several tasks holds values that only one of them has. So a column keeps the values there are,
in the narrowest type that holds them exactly, and where they stand. `column[rows]` and every
numpy function see float64, with NaN where a row has no value.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
Array = npt.NDArray[Any]
Index = npt.NDArray[np.int32] | None

NARROW = (np.int8, np.int16, np.int32)


class Column(np.lib.mixins.NDArrayOperatorsMixin):
    """Values of some rows of a table; for numpy, an array of float64."""

    def __init__(self, values: Array, index: Index = None) -> None:
        self.values = values
        """In the order of the rows that have one."""
        self.index = index
        """(n,) where a row's value is, -1 for none; None where each row has one."""

    def __len__(self) -> int:
        return len(self.values if self.index is None else self.index)

    @property
    def shape(self) -> tuple[int]:
        """As of an array."""
        return (len(self),)

    dtype = np.dtype(np.float64)
    ndim = 1

    def __getitem__(self, rows: Any) -> Any:
        if self.index is None:
            return self.values[rows].astype(np.float64)
        index = self.index[rows]
        if not len(self.values):
            return np.full(index.shape, np.nan)
        return np.where(index < 0, np.nan, self.values[index].astype(np.float64))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("A column is kept narrower than it reads.")
        return np.asarray(self[:], dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        arrays = (item[:] if isinstance(item, Column) else item for item in inputs)
        return getattr(ufunc, method)(*arrays, **options)


def column(values: Array, index: Index = None) -> FloatArray:
    """Return a column; to whoever reads it, an array of floats."""
    return cast(FloatArray, Column(values, index))


def narrow(values: FloatArray, like: Array | None = None) -> Array:
    """Return the same numbers in the narrowest type that holds each of them exactly.

    `like` is what numbers of the same name were held in: tried first, and good enough.
    """
    if like is not None and like.dtype == np.float64:
        return values.copy()
    if like is not None:
        with np.errstate(invalid="ignore"):
            same = values.astype(like.dtype)
        if np.array_equal(same, values):
            return same
    low, high = (values.min(), values.max()) if len(values) else (0.0, 0.0)
    for kind in NARROW:
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            whole = values.astype(kind)
            return whole if np.array_equal(whole, values) else values.copy()
    return values.copy()


def join_pieces(pieces: Sequence[Array]) -> Array:
    """Return pieces as one, in the type that holds them all exactly."""
    kinds = {piece.dtype for piece in pieces}
    widest = np.float64 if np.dtype(np.float64) in kinds else max(kinds, key=lambda k: k.itemsize)
    return np.concatenate(pieces, dtype=widest)
