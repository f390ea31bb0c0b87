"""Oracles of Duo-LLM: one group alone changes, every pattern is tried once, and exits are found."""

import dataclasses

import pytest
import torch
from torch import Tensor

from adabench.workloads.depth_width.ledger.substrate.duo import duo_modules as duos
from adabench.workloads.depth_width.ledger.substrate.duo import duo_reader, pattern_search
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import (
    BIG,
    OPTIONS,
    SKIP,
    SMALL,
    Duo,
)
from adabench.workloads.depth_width.ledger.truth import oracle_targets
from adabench.workloads.depth_width.substrate.stream import EQUAL
from adabench.workloads.depth_width.substrate.work_counter import Work

SEQUENCES, LAYERS = 5, 3


@pytest.mark.parametrize("at", [5, 17])
def test_the_position_oracle_changes_one_position_alone(duo: Duo, tokens: Tensor, at: int) -> None:
    """Brute force: cut the stream after the position, and give it alone another pattern."""
    patterns = pattern_search.placed(3, 1, skips=True)
    assert len(patterns) == 12
    with torch.inference_mode():
        there = pattern_search.scene(duo, tokens, pattern_search.positions(tokens), Work())
        walked = dict(pattern_search.leaves(there, patterns))
        for number, pattern in enumerate(patterns):
            options = torch.full((3, SEQUENCES, at + 1), BIG)
            options[:, :, at] = torch.tensor(pattern)[:, None]
            states = duos.batched(duo, tokens[:, : at + 1], options)
            torch.testing.assert_close(walked[number][:, at], states[:, at], atol=1e-5, rtol=0)


def test_the_segment_oracle_changes_one_segment_alone(duo: Duo, tokens: Tensor) -> None:
    group = pattern_search.segments(tokens)
    patterns = pattern_search.placed(3, 2)
    with torch.inference_mode():
        there = pattern_search.scene(duo, tokens, group, Work())
        for number, states in pattern_search.leaves(there, patterns):
            for row, segment in ((0, 0), (1, 1), (2, 2)):
                inside = group[row] == segment
                end = int(inside.nonzero()[-1]) + 1
                options = torch.full((3, 1, end), BIG)
                options[:, 0, inside[:end]] = torch.tensor(patterns[number])[:, None]
                alone = duos.batched(duo, tokens[row : row + 1, :end], options)[0]
                ours = states[row, :end][inside[:end]]
                torch.testing.assert_close(ours, alone[inside[:end]], atol=1e-5, rtol=0)


def test_segments_end_with_their_answer(tokens: Tensor) -> None:
    group = pattern_search.segments(tokens)
    for row, numbers in zip(tokens.tolist(), group.tolist(), strict=True):
        for at in range(1, len(row)):
            assert numbers[at] - numbers[at - 1] == (row[at - 1] == EQUAL)


def test_the_tree_tries_every_pattern_once(duo: Duo, tokens: Tensor) -> None:
    sets = [pattern_search.placed(3, b, skips=True) for b in range(4)]
    every = tuple(pattern for one in sets for pattern in one)
    assert len(set(every)) == len(every) == OPTIONS**3
    with torch.inference_mode():
        there = pattern_search.scene(duo, tokens[:1], pattern_search.positions(tokens[:1]), Work())
        seen = [number for number, _ in pattern_search.leaves(there, every)]
    assert sorted(seen) == list(range(len(every)))
    assert [len(pattern_search.placed(6, b)) for b in range(7)] == [1, 6, 15, 20, 15, 6, 1]
    with pytest.raises(ValueError, match="differ"):
        list(pattern_search.leaves(there, [(0, 0, 0)] * 2))


def test_the_best_is_the_least_of_all_that_were_tried(duo: Duo, tokens: Tensor) -> None:
    wanted = torch.roll(tokens, -1, 1)
    patterns = pattern_search.placed(3, 1)
    reading = oracle_targets.Reading(duo.model.head, wanted)
    stage = oracle_targets.scenes(duo, tokens, pattern_search.positions)
    (found,) = oracle_targets.tried(stage, patterns, reading)
    least = oracle_targets.loss(found.logits, wanted)
    torch.testing.assert_close(least, found.table.amin(0), atol=1e-6, rtol=0)
    run = oracle_targets.along(stage, found.options)
    torch.testing.assert_close(run, found.logits, atol=1e-4, rtol=0)
    at = found.options.permute(1, 2, 0)
    assert bool(((at == BIG).sum(-1) == 1).all())


@pytest.mark.parametrize(
    ("options", "share"), [((BIG, SMALL, SKIP), 1.0), ((BIG, SKIP, SMALL), 0.0)]
)
def test_an_exit_skips_every_layer_after_its_first(
    duo: Duo, tokens: Tensor, options: tuple[int, ...], share: float
) -> None:
    answer = duos.prefill_duo(duo, tokens, duos.pattern(options), tile=2)
    answer = dataclasses.replace(answer, unrolled=LAYERS)
    assert duo_reader.exit_like(answer) == {"exit_like": share}
