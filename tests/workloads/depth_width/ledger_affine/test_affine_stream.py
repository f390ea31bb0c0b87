"""Layout `c2`: the maps are what the tokens say, values follow, and nothing else has changed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.ledger_affine.substrate import affine_stream
from adabench.workloads.depth_width.ledger_affine.task import LedgerAffine, load
from adabench.workloads.depth_width.substrate import stream


def by_hand(token: int, value: int) -> int:
    """Apply an operand, read off the vocabulary's description."""
    if token >= 64:
        factor, shift = 2 + (token - 64) // 6, 1 + (token - 64) % 6
        return (factor * value + shift) % 7
    return (value + token - 10 if token < 17 else value * (token - 17)) % 7


@given(st.integers(0, 2**31), st.integers(1, 4))
def test_stated_and_running_values_follow_from_the_operands(seed: int, kmax: int) -> None:
    corpus = affine_stream.draw(np.random.default_rng(seed), 4, kmax)
    for row, labels in zip(corpus.tokens, corpus.labels.running, strict=True):
        value = int(row[1]) - 3
        for place, token in enumerate(row[2:].tolist(), 2):
            if 3 <= token < 10:
                assert token - 3 == value
            elif 10 <= token < 24 or token >= 64:
                value = by_hand(token, value)
                assert place == len(labels) or labels[place] == value
            elif place < len(labels):
                assert labels[place] == -1


def test_thirty_tokens_name_thirty_maps_that_no_plain_operand_is() -> None:
    maps = {token: tuple(by_hand(token, v) for v in range(7)) for token in range(64, 94)}
    assert len(set(maps.values())) == 30
    plain = [*range(10, 17), *range(18, 24)]
    assert not set(maps.values()) & {tuple(by_hand(t, v) for v in range(7)) for t in plain}
    for token in (*maps, *plain):
        tokens, values = np.full(7, token), np.arange(7)
        assert affine_stream.applied(tokens, values).tolist() == [
            by_hand(token, v) for v in range(7)
        ]


def test_all_operands_occur_at_their_share_and_fillers_stay() -> None:
    corpus = affine_stream.draw(np.random.default_rng(0), 400)
    plain = stream.draw(np.random.default_rng(0), 400)
    operand = corpus.labels.of("operand")
    drawn = corpus.inputs[operand]
    assert set(drawn.tolist()) == {*range(10, 17), *range(18, 24), *range(64, 94)}
    assert np.mean(drawn >= 64) == pytest.approx(affine_stream.SHARE, abs=0.02)
    assert (corpus.labels.kind == plain.labels.kind).all()
    assert (corpus.labels.k == plain.labels.k).all()
    filler = corpus.labels.of("filler")
    assert (corpus.inputs[filler] == plain.inputs[filler]).all()
    assert corpus.tokens.max() < affine_stream.VOCABULARY


def test_a_model_of_streams_is_refused() -> None:
    task = load("embedded", 0, batches=1, sequences=2)
    assert isinstance(task, LedgerAffine)
    for other in ("reader", "unit_reader", "width_reader", "guided"):
        assert not hasattr(task, other)
    with pytest.raises(SelectionError, match="no recipe called 'vanilla-6-s0'"):
        task.ffn_reader("vanilla-6")


def test_evaluation_is_drawn_apart_from_the_plain_stream_and_by_seed() -> None:
    one, again, other = (load("embedded", seed, batches=2, sequences=4) for seed in (0, 0, 1))
    first = [batch.tokens for batch in one.cases()]
    assert all((a == b.tokens).all() for a, b in zip(first, again.cases(), strict=True))
    assert (first[0] != first[1]).any()
    assert (first[0] != next(iter(other.cases())).tokens).any()
