"""The product and the attention of single rows: right, and blind to the rest of the batch."""

import numpy as np
import pytest
import torch

from adabench.workloads.shared.compiled.simd import LANES, LINE_BYTES, aligned, zeros
from adabench.workloads.shared.language_model.native.attention import attend
from adabench.workloads.shared.language_model.native.matmul import PAIR, product
from adabench.workloads.shared.language_model.native.packed_weights import panels

SHAPES = [(128, 704), (352, 128), (64, 192), (24, 36), (20, PAIR + LANES + 3), (1, 1)]


def case(rows: int, depth: int, out: int):
    draws = np.random.default_rng(rows + depth + out)
    x = draws.standard_normal((rows, depth)).astype(np.float32)
    weight = draws.standard_normal((out, depth)).astype(np.float32)
    return x, weight, panels(torch.from_numpy(weight))


def multiplied(x, w, columns: int):
    out = np.full((len(x), columns), np.nan, np.float32)
    product(np.ascontiguousarray(x), w, out, len(x))
    return out


@pytest.mark.parametrize(("depth", "out"), SHAPES)
@pytest.mark.parametrize("rows", [1, 3, 4, 9, 64])
def test_product_is_right(rows, depth, out):
    x, weight, w = case(rows, depth, out)
    exact = x.astype(np.float64) @ weight.T.astype(np.float64)
    bound = 1e-6 * depth * np.abs(x).max() * np.abs(weight).max()
    assert np.abs(multiplied(x, w, out) - exact).max() < bound


@pytest.mark.parametrize(("depth", "out"), SHAPES)
def test_a_row_has_the_same_bits_in_any_company(depth, out):
    x, _, w = case(11, depth, out)
    together = multiplied(x, w, out)
    order = np.random.default_rng(0).permutation(11)
    assert np.array_equal(multiplied(x[order], w, out), together[order])
    for r in range(11):
        assert np.array_equal(multiplied(x[r : r + 1], w, out)[0], together[r])
        assert np.array_equal(multiplied(x[: r + 1], w, out), together[: r + 1])


def test_only_the_rows_asked_for_are_written():
    x, _, w = case(9, 64, 2 * PAIR)
    out = np.full((9, 2 * PAIR), 7, np.float32)
    product(x, w, out, 5)
    assert (out[5:] == 7).all()
    assert (out[:5] != 7).all()


def test_arrays_begin_at_a_cache_line():
    for shape in ((1,), (3, 5), (2, 7, 9)):
        assert zeros(*shape).ctypes.data % LINE_BYTES == 0
        given = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        assert np.array_equal(aligned(given), given)


def attended(mixed, keys, values, tables, owners, places, heads: int, context: int = 40):
    width = keys.shape[2]
    out = np.full((len(places), width), np.nan, np.float32)
    flat = np.ascontiguousarray(mixed).reshape(-1)
    attend(flat, keys, values, tables, owners, places, heads, context, out, len(places))
    return out


@pytest.mark.parametrize(("heads", "width"), [(2, 64), (4, 64), (3, 96), (3, 24), (2, 10)])
@pytest.mark.parametrize("size", [1, 4, 16])
@pytest.mark.parametrize("spread", [0.1, 1.0, 12.0])
def test_attention_is_right(heads, width, size, spread):
    draws = np.random.default_rng(width + size)
    keys, values = draws.standard_normal((2, 64, size, width)).astype(np.float32)
    tables = np.stack([draws.permutation(64)[:40] for _ in range(2)])
    owners, places = np.array([0, 1, 1, 0, 1]), np.array([0, 38, 5, 39, 16])
    mixed = (spread * draws.standard_normal((5, 3 * width))).astype(np.float32)
    found = attended(mixed, keys, values, tables, owners, places, heads)
    for r, (owner, place) in enumerate(zip(owners, places, strict=True)):
        past = np.arange(place + 1)
        at = (tables[owner, past // size], past % size)
        k, v = keys[at].reshape(place + 1, heads, -1), values[at].reshape(place + 1, heads, -1)
        scores = np.einsum("hd,phd->hp", mixed[r, :width].reshape(heads, -1).astype(np.float64), k)
        shares = np.exp((scores - scores.max(axis=1, keepdims=True)) / np.sqrt(width // heads))
        shares /= shares.sum(axis=1, keepdims=True)
        assert np.allclose(found[r], np.einsum("hp,phd->hd", shares, v).reshape(-1), atol=2e-5)


def test_attention_of_a_row_does_not_see_the_others():
    draws = np.random.default_rng(0)
    keys, values = draws.standard_normal((2, 64, 4, 64)).astype(np.float32)
    tables = np.stack([draws.permutation(64)[:10] for _ in range(3)])
    owners, places = np.array([2, 0, 1, 2]), np.array([7, 38, 3, 30])
    mixed = draws.standard_normal((4, 192)).astype(np.float32)
    together = attended(mixed, keys, values, tables, owners, places, 2)
    for r in range(4):
        alone = attended(
            mixed[r : r + 1], keys, values, tables, owners[r : r + 1], places[r : r + 1], 2
        )
        assert np.array_equal(alone[0], together[r])
