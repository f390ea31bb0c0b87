"""Gradient codes: any n - s results give the sum, fewer do not."""

import numpy as np
import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.stragglers.substrate.gradient_codes import code

EXACT = 1e-5


def worst_error(cases: int, seed: int) -> float:
    """Encode, lose s results, decode; the largest relative error of the sum."""
    rng, worst = np.random.default_rng(seed), 0.0
    for _ in range(cases):
        n = int(rng.integers(2, 17))
        s = int(rng.integers(0, n))
        own, gradients = code(n, s), rng.standard_normal((n, 20))
        results = np.array([own.encode(i, gradients[own.chunks(i)]) for i in range(n)])
        there = np.ones(n, np.bool_)
        there[rng.permutation(n)[: rng.integers(0, s + 1)]] = False
        results[~there] = np.nan  # whatever is late must not be read
        full = gradients.sum(axis=0)
        off = np.linalg.norm(own.decode(results, there) - full) / np.linalg.norm(full)
        worst = max(worst, float(off))
    return worst


def test_what_is_decoded_is_the_full_sum() -> None:
    assert worst_error(500, 0) < EXACT


@pytest.mark.slow
def test_what_is_decoded_is_the_full_sum_in_ten_thousand_cases() -> None:
    assert worst_error(10_000, 1) < EXACT


@pytest.mark.parametrize("n", [4, 6, 8])
def test_each_pattern_of_s_late_ones_decodes(n: int) -> None:
    for s in range(n):
        for pattern in range(2**n):
            there = np.array([pattern >> i & 1 for i in range(n)], np.bool_)
            if there.sum() == n - s:
                assert np.abs(code(n, s).weights(there) @ code(n, s).matrix - 1).max() < EXACT


@pytest.mark.parametrize(("n", "s"), [(7, 2), (8, 2), (9, 4), (11, 3)])
def test_one_late_one_more_is_refused_by_a_cyclic_code(n: int, s: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        there = np.ones(n, np.bool_)
        there[rng.permutation(n)[: s + 1]] = False
        with pytest.raises(MethodContractError, match="do not give the sum"):
            code(n, s).weights(there)


def test_a_block_that_is_late_as_a_whole_is_refused_by_a_fractional_code() -> None:
    there = np.array([False] * 3 + [True] * 6)
    with pytest.raises(MethodContractError, match="do not give the sum"):
        code(9, 2).weights(there)
    with pytest.raises(MethodContractError, match="do not give the sum"):
        code(9, 2).weights(np.zeros(9, np.bool_))


def test_each_worker_does_s_and_one_chunks_and_each_chunk_has_as_many_workers() -> None:
    for n in range(2, 17):
        for s in range(n):
            matrix = code(n, s).matrix
            assert ((matrix != 0).sum(axis=1) == s + 1).all()
            assert ((matrix != 0).sum(axis=0) == s + 1).all()
            if n % (s + 1) == 0:
                assert set(np.unique(matrix)) <= {0.0, 1.0}


def test_a_code_is_the_same_each_time_and_read_only() -> None:
    first = code(11, 3).matrix.copy()
    code.cache_clear()
    assert (code(11, 3).matrix == first).all()
    assert not first.base
    with pytest.raises(ValueError, match="read-only"):
        code(11, 3).matrix[0, 0] = 2.0


@pytest.mark.parametrize(("n", "s"), [(4, 4), (4, -1), (0, 0)])
def test_what_is_no_code_is_refused(n: int, s: int) -> None:
    with pytest.raises(MethodContractError, match=r"no .* gradient code"):
        code(n, s)


@pytest.mark.slow
@pytest.mark.parametrize("s", [27, 52])
def test_the_codes_of_256_workers_decode(s: int) -> None:
    rng, own = np.random.default_rng(0), code(256, s)
    gradients = rng.standard_normal((256, 30))
    results = own.matrix @ gradients
    for _ in range(20):
        there = np.ones(256, np.bool_)
        there[rng.permutation(256)[:s]] = False
        full = gradients.sum(axis=0)
        assert np.abs(own.decode(results, there) - full).max() < EXACT * np.abs(full).max()
