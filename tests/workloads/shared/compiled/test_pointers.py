"""The coin behind a pointer: uniform, repeatable, and the same as ever."""

import numpy as np

from adabench.workloads.shared.compiled.kernels import compiled
from adabench.workloads.shared.compiled.pointers import drawn, to_ints


@compiled
def draws(words, below, count):
    pointer, found = to_ints(words.ctypes), np.empty(count, np.int64)
    for i in range(count):
        found[i] = drawn(pointer, 1, below)
    return found


def test_draws_are_uniform_and_touch_the_coin_alone() -> None:
    words = np.array([7, 12345, 9])
    found = draws(words, 10, 100_000)
    assert words[[0, 2]].tolist() == [7, 9]
    assert words[1] != 12345
    counts = np.bincount(found, minlength=10)
    assert len(counts) == 10
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 27.9  # chi-squared, 9 df: 1 in 1,000


def test_draws_are_marsaglia_s() -> None:
    mask, x, expected = (1 << 64) - 1, 12345, []
    for _ in range(20):
        x ^= x >> 12
        x = (x ^ x << 25) & mask
        x ^= x >> 27
        expected.append(((x * 0x2545F4914F6CDD1D & mask) >> 32) * 1000 >> 32)
    assert draws(np.array([0, 12345]), 1000, 20).tolist() == expected
