"""The substrate of the paging task: a cache that counts, and the loop over the requests.

The engine owns the loop. On a fault it counts, calls the policy's `fault`, which must leave a free slot, and admits
the page; then it calls `serve`, on hits and faults alike, with the hint that came with *this* request. A policy can
evict and keep notes; it can neither count nor skip. What it may evict is its contract (`Evicts`).

    fault(cache, notes, weights, page, 0)       before `page` is admitted
    serve(cache, notes, weights, page, hint)    after it

`notes` are the policy's own integers, `weights` its own floats; both start every coin stream as they were handed
over. They and the cache are bare pointers (2 registers instead of the 14 words of two numba arrays), which know no
length: words behind them are checked after the run. `holder`, which page was put into which slot, stands where no
hook sees it: a request is a hit only if the page is really there.

Trap: an engine inlines the hooks and functions of this folder, while numba's disk cache watches only this file.
`bound` therefore mixes a digest of all sources concerned into its key.
"""

from collections.abc import Callable
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import float64, int32, int64, njit, uint8
from numba import types as numba_types
from numpy.typing import NDArray

from adabench.workloads.shared.compiled import kernels
from adabench.workloads.shared.compiled.hooks import bound
from adabench.workloads.shared.compiled.pointers import drawn, to_floats, to_ints, to_ints32

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Pages = NDArray[np.int32]
"""(T,) page numbers, or one number per request."""
Bits = NDArray[np.uint8]
"""(T,) one bit per request."""
Function = TypeVar("Function", bound=Callable[..., Any])


class Evicts(IntEnum):
    """How many pages a policy may let go, and when."""

    ONE = 0
    """Exactly one on a fault with a full cache, none otherwise."""
    ONE_OR_ALL = 1
    """One, or a flush of the whole cache, on a fault with a full cache."""
    EARLY = 2
    """At most one on any fault, and `serve` may release the page just served."""


class Trouble(IntEnum):
    """What a policy did wrong; the engine stops at the first."""

    NONE = 0
    NO_SUCH_SLOT = 1
    EMPTY_SLOT = 2
    NO_ROOM = 3
    CONTRACT_IN_FAULT = 4
    CONTRACT_IN_SERVE = 5
    FORGED = 6


class Cache(NamedTuple):
    """What a hook sees of the cache. Read it; change it through `evict` alone."""

    slots: int
    n_pages: int
    slot_of: NDArray[np.int32]
    """(n_pages,) the slot a page is in, or -1."""
    page_in: NDArray[np.int32]
    """(slots,) the page in a slot, or -1."""
    ledger: Ints
    """(4 + slots,) free slots, evictions, trouble, the coin, the stack of free slots."""


types: Any = numba_types
FREE, EVICTIONS, TROUBLE, COIN, STACK = 0, 1, 2, 3, 4


def compiled(function: Function) -> Function:
    """Compile a shared part that hooks or the task call."""
    return kernels.compiled(function)


def hook(function: Function) -> Function:
    """Make a policy's `fault` or `serve`: compiled when an engine inlines it."""
    return cast(Function, njit(function))


@compiled
def is_full(cache: Cache) -> bool:
    """Tell whether no slot is free."""
    return bool(cache.ledger[FREE] == 0)


@compiled
def evict(cache: Cache, slot: int) -> None:
    """Let the page in `slot` go. O(1)."""
    if slot < 0 or slot >= cache.slots:
        cache.ledger[TROUBLE] = Trouble.NO_SUCH_SLOT
        return
    page = cache.page_in[slot]
    if page < 0:
        cache.ledger[TROUBLE] = Trouble.EMPTY_SLOT
        return
    cache.slot_of[page] = -1
    cache.page_in[slot] = -1
    cache.ledger[STACK + cache.ledger[FREE]] = slot
    cache.ledger[FREE] += 1
    cache.ledger[EVICTIONS] += 1


@compiled
def draw(cache: Cache, below: int) -> int:
    """Return a uniformly random integer in [0, below), from the stream's own coin."""
    return int(drawn(cache.ledger, COIN, below))


@compiled
def admit(cache: Cache, page: int) -> None:
    """Put `page` into the slot that was freed last. The engine's, not a policy's."""
    cache.ledger[FREE] -= 1
    slot = cache.ledger[STACK + cache.ledger[FREE]]
    cache.slot_of[page] = slot
    cache.page_in[slot] = page


@compiled
def empty(cache: Cache) -> None:
    """Start with a cold cache whose slots fill in the order 0, 1, 2, ..."""
    for page in range(cache.n_pages):
        cache.slot_of[page] = -1
    for slot in range(cache.slots):
        cache.page_in[slot] = -1
        cache.ledger[STACK + slot] = cache.slots - 1 - slot
    cache.ledger[FREE] = cache.slots
    cache.ledger[EVICTIONS] = 0
    cache.ledger[TROUBLE] = 0


@compiled
def contents(cache: Cache) -> int:
    """Return a fingerprint of which page is in which slot. O(k), for checks only."""
    mixed = 0
    for slot in range(cache.slots):
        mixed = mixed * 1_000_003 + cache.page_in[slot]
    return mixed


@compiled
def allowed(evicts: int, gone: int, was_full: bool, slots: int) -> bool:
    """Tell whether `gone` evictions in one `fault` keep the contract."""
    if evicts == Evicts.EARLY:
        return gone <= 1
    if not was_full:
        return gone == 0
    return gone == 1 or (evicts == Evicts.ONE_OR_ALL and gone == slots)


@compiled
def trouble_in_fault(ledger: Ints, evicts: int, gone: int, was_full: bool, slots: int) -> int:
    """Return what is wrong after `gone` evictions in a `fault`: what was before, or is now."""
    if ledger[TROUBLE] != Trouble.NONE:
        return int(ledger[TROUBLE])
    if not allowed(evicts, gone, was_full, slots):
        return Trouble.CONTRACT_IN_FAULT.value
    return Trouble.NO_ROOM.value if ledger[FREE] == 0 else Trouble.NONE.value


READ_ONLY = types.Array(int32, 1, "C", readonly=True)
_SIGNATURE = types.void(
    READ_ONLY, READ_ONLY, int32[::1], int32[::1], int32[::1], int64[::1], int64[::1], float64[::1],
    int64, int64, int64[::1], uint8[::1], int64[::1],
)  # fmt: skip


def fault(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Stand for a policy's hook in the loop below; `engine` binds the name to a real one."""


serve = fault


def _replay(
    pages: NDArray[np.int32],
    hints: NDArray[np.int32],
    slot_of: NDArray[np.int32],
    page_in: NDArray[np.int32],
    holder: NDArray[np.int32],
    ledger: Ints,
    notes: Ints,
    weights: Floats,
    evicts: int,
    coins: int,
    report: Ints,
    log: NDArray[np.uint8],
    trail: Ints,
) -> None:
    """Replay `pages` once. `report` becomes (faults, evictions, trouble, request).

    `hints` may be empty: then every hint is 0. `holder` (slots,) is the engine's own. Unless empty,
    `log` becomes 1 at faults and `trail` what `contents` gives after each request.
    """
    np.random.seed(coins & 0xFFFFFFFF)
    ledger[COIN] = coins
    slots_of, pages_in = to_ints32(slot_of.ctypes), to_ints32(page_in.ctypes)
    cache = Cache(len(page_in), len(slot_of), slots_of, pages_in, to_ints(ledger.ctypes))
    noted, weighted = to_ints(notes.ctypes), to_floats(weights.ctypes)
    empty(cache)
    holder[:] = -1
    faults = 0
    for i in range(len(pages)):
        page = pages[i]
        if slot_of[page] < 0:
            faults += 1
            if len(log) > 0:
                log[i] = 1
            before, was_full = ledger[EVICTIONS], ledger[FREE] == 0
            fault(cache, noted, weighted, page, 0)
            gone = ledger[EVICTIONS] - before
            ledger[TROUBLE] = trouble_in_fault(ledger, evicts, gone, was_full, len(page_in))
            if ledger[TROUBLE] != 0:
                break
            admit(cache, page)
            if slot_of[page] < 0 or slot_of[page] >= len(holder):
                ledger[TROUBLE] = Trouble.FORGED
                break
            holder[slot_of[page]] = page
        elif slot_of[page] >= len(holder) or holder[slot_of[page]] != page:
            ledger[TROUBLE] = Trouble.FORGED
            break
        before = ledger[EVICTIONS]
        serve(cache, noted, weighted, page, hints[i] if len(hints) > 0 else 0)
        gone = ledger[EVICTIONS] - before
        if gone != 0 and (evicts != Evicts.EARLY or gone > 1 or slot_of[page] >= 0):
            ledger[TROUBLE] = Trouble.CONTRACT_IN_SERVE
        if ledger[TROUBLE] != 0:
            break
        if len(trail) > 0:
            trail[i] = contents(cache)
    if ledger[TROUBLE] == 0 and faults - ledger[EVICTIONS] != np.count_nonzero(page_in >= 0):
        ledger[TROUBLE] = Trouble.FORGED
    report[0], report[1], report[2], report[3] = faults, ledger[EVICTIONS], ledger[TROUBLE], i


@cache
def engine(fault: Callable[..., None], serve: Callable[..., None]) -> Callable[..., None]:
    """Return the loop with these two hooks inlined: compiled now, or found on disk."""
    loop = bound(_replay, fault=fault, serve=serve)
    return cast(Callable[..., None], kernels.cached(loop, _SIGNATURE))


@hook
def evict_any(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Evict what is in a slot drawn by lot: the policy of nobody, for `Paging.warm`."""
    if is_full(cache):
        evict(cache, draw(cache, cache.slots))


@hook
def ignore(cache: Cache, notes: Ints, weights: Floats, page: int, hint: int) -> None:
    """Do nothing."""
