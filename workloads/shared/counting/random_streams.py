"""Random streams by purpose, and arrays that nobody can change: what generators of cases share."""

from typing import TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


def child(seed: int, purpose: int, *more: int | str) -> np.random.SeedSequence:
    """Return the child seed of one purpose; strings count by their CRC-32."""
    key = [crc32(part.encode()) if isinstance(part, str) else part for part in more]
    return np.random.SeedSequence(seed, spawn_key=(purpose, *key))


def read_only(values: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return a copy over immutable bytes: unlike a cleared flag, nobody can undo that."""
    return np.frombuffer(values.tobytes(), values.dtype).reshape(values.shape)
