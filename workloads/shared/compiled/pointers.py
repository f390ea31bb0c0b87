"""Parts for loops that hand bare pointers to hooks: the pointers, and a coin that lies behind one.

A bare pointer is 1 register where a numba array is 7 words, and knows no length.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numba import float64, int32, int64
from numba import types as numba_types
from numpy.typing import NDArray

from adabench.workloads.shared.compiled.kernels import cached, compiled, keyed

types: Any = numba_types
INTS32, INTS, FLOATS = types.CPointer(int32), types.CPointer(int64), types.CPointer(float64)


def _same(kind: Any) -> Callable[[Any], Any]:
    def same(array: Any) -> Any:
        return array

    return cast(Callable[[Any], Any], cached(keyed(same), kind(kind)))


to_ints32, to_ints, to_floats = _same(INTS32), _same(INTS), _same(FLOATS)
"""From an array's `ctypes`."""


@compiled
def drawn(words: NDArray[np.int64], coin: int, below: int) -> int:
    """Return a uniformly random integer in [0, below); `words[coin]` is the state.

    Marsaglia's xorshift64*: 2 ns, where numba's `np.random.randint` takes 10; the bias of
    the multiplication is below 2^-32 * `below`.
    """
    x = np.uint64(words[coin])
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    words[coin] = np.int64(x)
    high = (x * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(32)
    return int(np.int64((high * np.uint64(below)) >> np.uint64(32)))
