"""Multiplies matrices whose rows do not know of each other.

    out[r, n] = sum over k of x[r, k] w[k, n],    one chain of fused multiply-adds in the order of k

Four rows run side by side, a rest singly, by the same chain: a row's bits do not depend on how many come with it.
"""

from typing import Any

import numpy as np
from numba import types

from adabench.workloads.shared.compiled.simd import (
    LANES,
    carray,
    compiled,
    fma,
    load,
    pointer,
    publish,
    spread,
    spread_at,
    store,
)

PAIR = 2 * LANES
"""Columns of a tile."""


@compiled
def _quad(
    x: Any, at: Any, depth: Any, w: Any, left: Any, width: Any, out: Any, to: Any, row: Any
) -> None:
    """Four rows of x from `at`; a pair of columns of w from `left`; `row` floats from row to row of
    out.
    """
    a0 = a1 = b0 = b1 = c0 = c1 = d0 = d1 = spread(np.float32(0.0))
    b, c, d = at + depth, at + 2 * depth, at + 3 * depth
    for k in range(depth):
        w0, w1 = load(w, left), load(w, left + LANES)
        left += width
        s = spread_at(x, at + k)
        a0, a1 = fma(s, w0, a0), fma(s, w1, a1)
        s = spread_at(x, b + k)
        b0, b1 = fma(s, w0, b0), fma(s, w1, b1)
        s = spread_at(x, c + k)
        c0, c1 = fma(s, w0, c0), fma(s, w1, c1)
        s = spread_at(x, d + k)
        d0, d1 = fma(s, w0, d0), fma(s, w1, d1)
    store(out, to, a0)
    store(out, to + LANES, a1)
    store(out, to + row, b0)
    store(out, to + row + LANES, b1)
    store(out, to + 2 * row, c0)
    store(out, to + 2 * row + LANES, c1)
    store(out, to + 3 * row, d0)
    store(out, to + 3 * row + LANES, d1)


@compiled
def _single(x: Any, at: Any, depth: Any, w: Any, left: Any, width: Any, out: Any, to: Any) -> None:
    a0 = a1 = spread(np.float32(0.0))
    for k in range(depth):
        s = spread_at(x, at + k)
        a0, a1 = fma(s, load(w, left), a0), fma(s, load(w, left + LANES), a1)
        left += width
    store(out, to, a0)
    store(out, to + LANES, a1)


@compiled
def _rest(x: Any, at: Any, depth: Any, w: Any, left: Any, width: Any, out: Any, to: Any) -> None:
    """One row and one column."""
    total = np.float32(0.0)
    for k in range(depth):
        total += x[at + k] * w[left + k * width]
    out[to] = total


_FLOATS = pointer(types.float32)
_SIGNATURE: Any = types.void(_FLOATS, _FLOATS, _FLOATS, *[types.int64] * 4)


def _product(
    x_at: Any, w_at: Any, out_at: Any, rows: int, depth: int, panels: int, width: int
) -> None:
    x = carray(x_at, rows * depth)
    w = carray(w_at, panels * depth * width)
    row = panels * width
    out = carray(out_at, rows * row)
    paired = width - width % PAIR
    full = rows - rows % 4
    for panel in range(panels):
        for column in range(0, paired, PAIR):
            left, to = panel * depth * width + column, panel * width + column
            for r in range(0, full, 4):
                _quad(x, r * depth, depth, w, left, width, out, r * row + to, row)
            for r in range(full, rows):
                _single(x, r * depth, depth, w, left, width, out, r * row + to)
        for column in range(paired, width):
            left, to = panel * depth * width + column, panel * width + column
            for r in range(rows):
                _rest(x, r * depth, depth, w, left, width, out, r * row + to)


_call = publish("adabench_product", _SIGNATURE, _product)


@compiled
def product(x: Any, w: Any, out: Any, rows: int) -> None:
    """Write x [rows, K] times w [N / c, K, c], panels of c columns, into out [rows, N].

    All three are contiguous float32.
    """
    panels, depth, width = w.shape
    _call(x.ctypes, w.ctypes, out.ctypes, rows, depth, panels, width)
