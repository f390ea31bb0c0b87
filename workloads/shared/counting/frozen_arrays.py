"""Data whose arrays nobody can change, and the number that their content gives a case."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adabench.workloads.shared.counting.random_streams import read_only


class FrozenArrays:
    """A base of dataclasses over read-only arrays, which they still are after they were pickled."""

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Be read from a stream of bytes, with arrays that nobody can change."""
        for name, value in state.items():
            fixed = read_only(value) if isinstance(value, np.ndarray) else value
            object.__setattr__(self, name, fixed)


def content_number(*parts: bytes | NDArray[Any]) -> float:
    """Return the first 52 bits of a SHA-256 over bytes and arrays: equal contents, equal numbers."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.tobytes())
    return float(int(digest.hexdigest()[:13], 16))
