"""A cache that grows in place holds what transformers' own holds."""

import pytest
import torch

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")

from adabench.workloads.shared.language_model.backends.growing_cache import SPARE, growing_cache


def columns(rows: int, count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(rows, 2, count, width, generator=generator) for width in (4, 6))


def test_what_is_read_is_what_transformers_own_cache_reads():
    ours, theirs = growing_cache(), transformers.DynamicCache()

    def agree(count: int, rows: int, seed: int) -> None:
        new = columns(rows, count, seed)
        for layer in range(2):
            found, wanted = ours.update(*new, layer), theirs.update(*new, layer)
            assert all(map(torch.equal, found, wanted))
        assert ours.get_seq_length() == theirs.get_seq_length()

    for seed, count in enumerate([5, 1, 1, SPARE, 1]):
        agree(count, 3, seed)
    for cache in (ours, theirs):
        cache.batch_select_indices(torch.tensor([2, 0]))
    for seed, count in enumerate([1, 2 * SPARE, 1]):
        agree(count, 2, seed)


def test_a_word_moves_nothing_while_there_are_columns_to_spare():
    cache = growing_cache()
    cache.update(*columns(3, 5, 0), 0)
    place = cache.layers[0].keys.data_ptr()
    for step in range(SPARE):
        cache.update(*columns(3, 1, step), 0)
        assert cache.layers[0].keys.data_ptr() == place
    held = cache.layers[0].memory_bytes
    cache.update(*columns(3, 1, 99), 0)
    assert cache.layers[0].keys.data_ptr() != place
    assert cache.layers[0].memory_bytes == held // (5 + SPARE) * (6 + 2 * SPARE)


def test_places_that_are_filled_are_taken_as_they_are():
    keys, values = torch.randn(2, 3, 1, 9, 4), torch.randn(2, 3, 1, 9, 6)
    cache = growing_cache(keys, values, 7)
    assert cache.get_seq_length() == 7
    cache.update(torch.ones(3, 1, 1, 4), torch.ones(3, 1, 1, 6), 1)
    assert cache.layers[1].keys.data_ptr() == keys[1].data_ptr()
    assert torch.equal(keys[1, :, :, 7], torch.ones(3, 1, 4))
    assert cache.layers[1].keys.shape[-2] == 8
    assert cache.layers[0].keys.shape[-2] == 7
