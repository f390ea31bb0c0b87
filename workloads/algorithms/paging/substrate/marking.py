"""Marking: what Marker, MARK0, MARK&PREDICT and their relatives share.

A *board* is one simulated set of cached pages with a border between marked and unmarked
ones, laid out in a policy's notes from index `base` on (every part starts as 0):

    base + 0   doubted    unmarked pages whose bit said "will not be needed"
    base + 1   unmarked   doubted ones included
    base + 2   members
    base + 3   phase      counts from 0
    then       order      (slots,)    pages: doubted, then the other unmarked, then marked
    then       per page   (n_pages, 2)
                 place    its index in `order` plus 1; 0: not a member
                 stamp    1 + the last phase at whose start it was a member

so that "a uniformly random unmarked page" is one draw and one swap, O(1). Drawing truly at
random matters: "the first unmarked one" is a deterministic rule and forfeits every H_k.

The functions below say *which* page goes; whoever calls them makes the cache agree. Some
take the cache, for its shape and its coin: a board need not mirror what is really in it.
"""

from adabench.workloads.algorithms.paging.substrate.cache_engine import Cache, Ints, compiled, draw

HEADER = 4


@compiled
def board_size(slots: int, n_pages: int) -> int:
    """Return the number of notes a board takes."""
    return HEADER + slots + 2 * n_pages


@compiled
def holds(notes: Ints, base: int, slots: int, page: int) -> bool:
    """Tell whether `page` is on the board."""
    return bool(notes[base + HEADER + slots + 2 * page] != 0)


@compiled
def _swap(notes: Ints, base: int, slots: int, i: int, j: int) -> None:
    order, place = base + HEADER, base + HEADER + slots
    a, b = notes[order + i], notes[order + j]
    notes[order + i], notes[order + j] = b, a
    notes[place + 2 * b], notes[place + 2 * a] = i + 1, j + 1


@compiled
def mark(notes: Ints, base: int, slots: int, page: int) -> None:
    """Mark `page`, taking it in if it is not a member. There must be room for it."""
    place = base + HEADER + slots + 2 * page
    i = notes[place] - 1
    if i < 0:
        members = notes[base + 2]
        notes[base + HEADER + members] = page
        notes[place] = members + 1
        notes[base + 2] = members + 1
        return
    if i < notes[base]:
        notes[base] -= 1
        _swap(notes, base, slots, i, notes[base])
        i = notes[base]
    if i < notes[base + 1]:
        notes[base + 1] -= 1
        _swap(notes, base, slots, i, notes[base + 1])


@compiled
def _move(notes: Ints, base: int, slots: int, source: int, to: int) -> None:
    if source == to:  # what stands there is stale: the page that leaves, or a copy
        return
    page = notes[base + HEADER + source]
    notes[base + HEADER + to] = page
    notes[base + HEADER + slots + 2 * page] = to + 1


@compiled
def drop(notes: Ints, base: int, slots: int, page: int) -> None:
    """Take a member off the board: the last of its part, and of each later one, moves up."""
    hole = notes[base + HEADER + slots + 2 * page] - 1
    if hole < notes[base]:
        notes[base] -= 1
        _move(notes, base, slots, notes[base], hole)
        hole = notes[base]
    if hole < notes[base + 1]:
        notes[base + 1] -= 1
        _move(notes, base, slots, notes[base + 1], hole)
        hole = notes[base + 1]
    notes[base + 2] -= 1
    _move(notes, base, slots, notes[base + 2], hole)
    notes[base + HEADER + slots + 2 * page] = 0


@compiled
def start_phase(notes: Ints, base: int, slots: int) -> None:
    """Unmark all members and stamp them as those the phase started with. O(members)."""
    notes[base + 3] += 1
    stamp = base + HEADER + slots + 1
    for i in range(notes[base + 2]):
        notes[stamp + 2 * notes[base + HEADER + i]] = notes[base + 3] + 1
    notes[base] = 0
    notes[base + 1] = notes[base + 2]


@compiled
def drop_random(cache: Cache, notes: Ints, base: int) -> int:
    """Take a uniformly random page off: a doubted one if any is, else an unmarked one."""
    among = notes[base] if notes[base] > 0 else notes[base + 1]
    page = int(notes[base + HEADER + draw(cache, int(among))])
    drop(notes, base, cache.slots, page)
    return page


@compiled
def make_room(cache: Cache, notes: Ints, base: int) -> int:
    """Marker's answer to a fault: return the page that leaves, or -1 if there is room."""
    if notes[base + 2] < cache.slots:
        return -1
    if notes[base + 1] == 0:
        start_phase(notes, base, cache.slots)
    return drop_random(cache, notes, base)


@compiled
def make_room_mark0(cache: Cache, notes: Ints, base: int, page: int) -> int:
    """MARK0's answer to a fault on `page`: return the page that leaves, or -1.

    If the phase started with `page` in the cache, throwing it out was a mistake: a random
    unmarked page pays for it, even when there is room.
    """
    phase_started_with = base + HEADER + cache.slots + 2 * page + 1
    mistake = notes[phase_started_with] == notes[base + 3] + 1
    if mistake and notes[base + 1] > 0:
        return drop_random(cache, notes, base)
    return make_room(cache, notes, base)


@compiled
def serve_mark0(notes: Ints, base: int, slots: int, page: int, bit: int) -> None:
    """Mark `page`, or with bit 1 let it leave at once."""
    if bit == 0:
        mark(notes, base, slots, page)
    elif holds(notes, base, slots, page):
        drop(notes, base, slots, page)


@compiled
def unmarked(notes: Ints, base: int) -> int:
    """Return the number of unmarked members."""
    return int(notes[base + 1])


@compiled
def member(notes: Ints, base: int, i: int) -> int:
    """Return the i-th member."""
    return int(notes[base + HEADER + i])


@compiled
def doubt(notes: Ints, base: int, slots: int, i: int) -> None:
    """Move the i-th member, unmarked and not yet doubted, among the doubted."""
    _swap(notes, base, slots, i, notes[base])
    notes[base] += 1
