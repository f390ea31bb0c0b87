"""Hindsight against brute force, and no policy below it."""

from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adabench.workloads.algorithms.paging.substrate.furthest_use import evict_largest, next_use
from adabench.workloads.algorithms.paging.truth.hindsight import phase_bits

traces = st.lists(st.integers(0, 4), min_size=1, max_size=12)


def least_faults(pages: tuple[int, ...], slots: int) -> int:
    """The optimum over all eviction choices, by exhaustive search."""

    @cache
    def rest(i: int, cached: frozenset[int]) -> int:
        if i == len(pages):
            return 0
        if pages[i] in cached:
            return rest(i + 1, cached)
        if len(cached) < slots:
            return 1 + rest(i + 1, cached | {pages[i]})
        return 1 + min(rest(i + 1, cached - {out} | {pages[i]}) for out in cached)

    return rest(0, frozenset())


def agree(pages: list[int], slots: int) -> None:
    """Hold Belady's faults to the least there can be."""
    array = np.array(pages, np.int32)
    faults, _ = evict_largest(array, next_use(array, 5), slots, 5)
    assert faults == least_faults(tuple(pages), slots)


@given(pages=traces, slots=st.integers(1, 4))
@settings(deadline=None, max_examples=200)
def test_belady_is_the_optimum(pages: list[int], slots: int) -> None:
    agree(pages, slots)


@pytest.mark.slow
@given(pages=traces, slots=st.integers(1, 4))
@settings(deadline=None, max_examples=10_000)
def test_belady_is_the_optimum_in_ten_thousand_cases(pages: list[int], slots: int) -> None:
    agree(pages, slots)


@given(pages=st.lists(st.integers(0, 9), min_size=1, max_size=120), slots=st.integers(1, 8))
@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_no_policy_beats_belady(run, methods, of_pages, noise, pages, slots) -> None:
    task = of_pages(pages, slots, noise)
    for name in methods:
        (values,) = run(name, task)
        assert values["faults"] >= values["opt"], name
        assert values["faults"] <= len(pages), name
    for name in ("belady", *(("flush", "mark0", "blind_oracle") if noise == 0 else ())):
        assert run(name, task)[0]["faults"] == task.of(task.cases()[0]).hindsight.opt, name


def test_next_use_has_no_ties() -> None:
    pages = np.array([0, 1, 0, 2, 1], np.int32)
    assert next_use(pages, 3).tolist() == [2, 4, 5 + 0, 5 + 2, 5 + 1]


def test_discard_bits_by_hand() -> None:
    # Two slots: 2 replaces 1 (last used at 1, next at 4 beats next at 3), 1 replaces 2.
    pages = np.array([0, 1, 2, 0, 1], np.int32)
    faults, bits = evict_largest(pages, next_use(pages, 3), 2, 3)
    assert faults == 4
    assert bits.tolist() == [0, 1, 1, 0, 0]


def test_phase_bits_by_hand() -> None:
    # Two slots: phases 0 1 0 | 2 1 | 0 2 2. A bit is 0 iff the next phase has the page.
    pages = np.array([0, 1, 0, 2, 1, 0, 2, 2], np.int32)
    assert phase_bits(pages, 2, 3).tolist() == [1, 0, 1, 0, 1, 1, 1, 1]


def test_lru_by_keys_is_the_lru_method(run, of_pages) -> None:
    pages = np.random.default_rng(1).integers(60, size=5000).tolist()
    task = of_pages(pages, 13)
    assert run("lru", task)[0]["faults"] == task.of(task.cases()[0]).hindsight.lru
