"""More work for a method than it has, planted to see whether a gate notices."""

import hashlib
from collections.abc import Callable
from time import thread_time
from typing import Any

HASH_BYTES = 4096
"""Bytes hashed at a time to be slower: some microseconds."""


def plant_slowdown(solve: Callable[..., Any], share: float) -> Callable[..., Any]:
    """Return the method with more work to do: hashing, for `share` of the time it just took.

    The block is small: hashing a large one would push the method's data out of the caches, and
    the method would be slower by more than was planted.
    """
    block = bytes(HASH_BYTES)
    block_s = min(_hashing_s(block) for _ in range(21))

    def slow_solve(state: Any, case: Any, point: Any, /) -> Any:
        begun = thread_time()
        answer = solve(state, case, point)
        now = thread_time()
        until = now + share * (now - begun) - block_s / 2
        while thread_time() < until:
            hashlib.sha256(block).digest()
        return answer

    return slow_solve


def _hashing_s(block: bytes) -> float:
    begun = thread_time()
    hashlib.sha256(block).digest()
    return thread_time() - begun
