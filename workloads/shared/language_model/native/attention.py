"""Compiles attention of single rows over their blocks of keys and values.

    share_p = softmax over p of (q . k_p / sqrt(head width)),    out = sum over p of share_p v_p

Sums run in the order of positions, for each row alone: its bits depend neither on the batch nor on the size of a block.
"""

from typing import Any

import numpy as np
from numba import types

from adabench.workloads.shared.compiled.simd import (
    LANES,
    carray,
    compiled,
    exponential,
    fma,
    larger,
    largest,
    load,
    plus,
    pointer,
    publish,
    spread,
    spread_at,
    store,
    store_sums,
    summed,
)

TILE = 4 * LANES
"""Columns of the values that are summed side by side."""
FAR = np.float32(-1e30)


@compiled
def _find(table: Any, at: Any, size: Any, width: Any, count: Any, offsets: Any) -> None:
    """Write where in the cache each position begins."""
    position, entry = 0, at
    while position < count:
        offset = table[entry] * size * width
        for _ in range(min(size, count - position)):
            offsets[position] = offset
            offset += width
            position += 1
        entry += 1


@compiled
def _dot(x: Any, at: Any, y: Any, to: Any, n: Any) -> Any:
    full = n - n % LANES
    total = spread(np.float32(0.0))
    for j in range(0, full, LANES):
        total = fma(load(x, at + j), load(y, to + j), total)
    rest = np.float32(0.0)
    for j in range(full, n):
        rest += x[at + j] * y[to + j]
    return summed(total) + rest


@compiled
def _dots(
    mixed: Any,
    query: Any,
    keys: Any,
    offsets: Any,
    n: Any,
    width: Any,
    count: Any,
    scores: Any,
    room: Any,
) -> None:
    """Write the product of each head's query and keys; a head has n floats and `room` scores.

    Positions go outermost, so that the keys are read from end to end.
    """
    zero = spread(np.float32(0.0))
    fours = count - count % 4 if n % LANES == 0 else 0
    for p in range(0, fours, 4):
        a, b, c, d = offsets[p], offsets[p + 1], offsets[p + 2], offsets[p + 3]
        at = p
        for left in range(0, width, n):
            s0 = s1 = s2 = s3 = zero
            for j in range(left, left + n, LANES):
                q = load(mixed, query + j)
                s0, s1 = fma(q, load(keys, a + j), s0), fma(q, load(keys, b + j), s1)
                s2, s3 = fma(q, load(keys, c + j), s2), fma(q, load(keys, d + j), s3)
            store_sums(scores, at, s0, s1, s2, s3)
            at += room
    for p in range(fours, count):
        at = p
        for left in range(0, width, n):
            scores[at] = _dot(mixed, query + left, keys, offsets[p] + left, n)
            at += room


@compiled
def _shares(scores: Any, at: Any, count: Any, scale: Any) -> None:
    """Turn scores into shares of one; there is room for LANES behind the last."""
    for j in range(count, count + LANES):
        scores[at + j] = FAR
    most = load(scores, at)
    for j in range(at + LANES, at + count, LANES):
        most = larger(most, load(scores, j))
    top = largest(most)
    factor, shift = spread(scale), spread(-top * scale)
    total = spread(np.float32(0.0))
    for j in range(at, at + count, LANES):
        one = exponential(fma(load(scores, j), factor, shift))
        store(scores, j, one)
        total = plus(total, one)
    share = np.float32(1.0) / summed(total)
    for j in range(at, at + count):
        scores[j] *= share


@compiled
def _mix(
    values: Any,
    offsets: Any,
    scores: Any,
    count: Any,
    room: Any,
    head_width: Any,
    width: Any,
    out: Any,
    to: Any,
) -> None:
    """Sum the values, four vectors of columns at a time, each with the shares of its head."""
    zero = spread(np.float32(0.0))
    tiled = width - width % TILE if head_width % LANES == 0 else 0
    for j in range(0, tiled, TILE):
        a = j // head_width * room
        b = (j + LANES) // head_width * room
        c = (j + 2 * LANES) // head_width * room
        d = (j + 3 * LANES) // head_width * room
        s0 = s1 = s2 = s3 = zero
        for p in range(count):
            at = offsets[p] + j
            s0 = fma(spread_at(scores, a + p), load(values, at), s0)
            s1 = fma(spread_at(scores, b + p), load(values, at + LANES), s1)
            s2 = fma(spread_at(scores, c + p), load(values, at + 2 * LANES), s2)
            s3 = fma(spread_at(scores, d + p), load(values, at + 3 * LANES), s3)
        store(out, to + j, s0)
        store(out, to + j + LANES, s1)
        store(out, to + j + 2 * LANES, s2)
        store(out, to + j + 3 * LANES, s3)
    for j in range(tiled, width):
        total, first = np.float32(0.0), j // head_width * room
        for p in range(count):
            total += scores[first + p] * values[offsets[p] + j]
        out[to + j] = total


_FLOATS = pointer(types.float32)
_INTS = pointer(types.int64)
_SIGNATURE: Any = types.void(*[_FLOATS] * 5, *[_INTS] * 4, *[types.int64] * 6)


def _attend(
    mixed_at: Any,
    keys_at: Any,
    values_at: Any,
    out_at: Any,
    scores_at: Any,
    tables_at: Any,
    owners_at: Any,
    places_at: Any,
    offsets_at: Any,
    rows: int,
    heads: int,
    width: int,
    size: int,
    most: int,
    context: int,
) -> None:
    # Nothing checks an index in here, so the lengths of the arrays do not matter.
    mixed, keys, values = carray(mixed_at, 1), carray(keys_at, 1), carray(values_at, 1)
    out, scores, offsets = carray(out_at, 1), carray(scores_at, 1), carray(offsets_at, 1)
    tables, owners, places = carray(tables_at, 1), carray(owners_at, 1), carray(places_at, 1)
    head_width, room = width // heads, context + LANES
    scale = np.float32(1.0) / np.sqrt(np.float32(head_width))
    for row in range(rows):
        count = places[row] + 1
        _find(tables, owners[row] * most, size, width, count, offsets)
        _dots(mixed, row * 3 * width, keys, offsets, head_width, width, count, scores, room)
        for head in range(heads):
            _shares(scores, head * room, count, scale)
        _mix(values, offsets, scores, count, room, head_width, width, out, row * width)


_call = publish("adabench_attend", _SIGNATURE, _attend)


@compiled
def attend(
    mixed: Any,
    keys: Any,
    values: Any,
    tables: Any,
    owners: Any,
    places: Any,
    heads: Any,
    context: Any,
    out: Any,
    rows: Any,
) -> None:
    """Attend from queries, keys and values `mixed` [rows, 3 width] into `out` [rows, width].

    `keys` and `values` [blocks, positions in a block, width] are one layer's; row r is at
    position `places[r]` of the sequence whose blocks are `tables[owners[r]]`.
    """
    size, width = keys.shape[1], keys.shape[2]
    scores = np.empty(heads * (context + LANES), np.float32)
    offsets = np.empty(context, np.int64)
    _call(
        mixed.ctypes,
        keys.ctypes,
        values.ctypes,
        out.ctypes,
        scores.ctypes,
        tables.ctypes,
        owners.ctypes,
        places.ctypes,
        offsets.ctypes,
        rows,
        heads,
        width,
        size,
        tables.shape[1],
        context,
    )
