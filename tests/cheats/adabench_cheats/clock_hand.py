"""The hooks of an honest policy, for methods that cheat elsewhere."""

from adabench.workloads.algorithms.paging.substrate.cache_engine import (
    Cache,
    Floats,
    Ints,
    evict,
    hook,
    is_full,
)


@hook
def fault(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Evict under the hand and move it on."""
    if is_full(cache):
        evict(cache, notes[0])
        notes[0] = (notes[0] + 1) % cache.slots


@hook
def serve(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Keep nothing."""
