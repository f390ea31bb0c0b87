"""Belady's rule as a machine: evict the page whose key is the largest.

LRU evicts the page whose last use is furthest back, LFD (Belady) the one whose next use is
furthest ahead. Both are "evict the largest key"; `evict_largest` serves both, with a tournament
tree over the slots, O(log k) a request. A method may run it on what it has seen or was told.

**One tie rule.** The *next use* of request i is the index of the following request for the
same page, or T + page if there is none. These numbers are distinct, so "the page whose
next use is furthest" is always one page: OPT, the discard bits and the `belady` method
cannot differ by a tie.
"""

import numpy as np

from adabench.workloads.algorithms.paging.substrate.cache_engine import Bits, Ints, Pages, compiled


@compiled
def leaves_for(slots: int) -> int:
    """Return the number of leaves of a tournament over `slots`: a power of two."""
    leaves = 1
    while leaves < slots:
        leaves *= 2
    return leaves


@compiled
def enter(tree: Ints, leaves: int, slot: int, key: int) -> None:
    """Give `slot` the key `key` (0: empty) in `tree`, which has 2 * leaves nodes."""
    node = leaves + slot
    tree[node] = key
    while node > 1:
        node //= 2
        key = max(tree[2 * node], tree[2 * node + 1])
        if tree[node] == key:
            return
        tree[node] = key


@compiled
def largest(tree: Ints, leaves: int) -> int:
    """Return the slot with the largest key."""
    node = 1
    while node < leaves:
        node *= 2
        if tree[node] != tree[node // 2]:
            node += 1
    return node - leaves


@compiled
def next_use(pages: Pages, n_pages: int) -> Pages:
    """Return the next request for each request's page, T + page if there is none."""
    following = np.empty(n_pages, np.int32)
    for page in range(n_pages):
        following[page] = len(pages) + page
    answer = np.empty(len(pages), np.int32)
    for i in range(len(pages) - 1, -1, -1):
        answer[i] = following[pages[i]]
        following[pages[i]] = i
    return answer


@compiled
def evict_largest(pages: Pages, keys: Pages, slots: int, n_pages: int) -> tuple[int, Bits]:
    """Replay `pages`, always evicting the page whose last request has the largest key.

    Returns the faults, and for each request whether its page was evicted before it was
    requested again. Keys must be 0 or more and differ among pages that are cached together.
    """
    leaves = leaves_for(slots)
    tree = np.zeros(2 * leaves, np.int64)
    slot_of = np.full(n_pages, -1, np.int32)
    last = np.zeros(slots, np.int64)
    discarded = np.zeros(len(pages), np.uint8)
    faults = 0
    for i in range(len(pages)):
        slot = slot_of[pages[i]]
        if slot < 0:
            slot = faults
            if faults >= slots:
                slot = largest(tree, leaves)
                discarded[last[slot]] = 1
                slot_of[pages[last[slot]]] = -1
            slot_of[pages[i]] = slot
            faults += 1
        last[slot] = i
        enter(tree, leaves, slot, keys[i] + 1)
    return faults, discarded
