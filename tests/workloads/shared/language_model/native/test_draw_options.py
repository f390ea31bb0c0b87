"""Draws that are limited one by one, held to some words, and watched: native, pooled, in arrays."""

import numpy as np
import pytest
import torch

from adabench.workloads.shared.language_model.contract import (
    BudgetSpent,
    CapabilityMissing,
    Chunk,
    Costs,
    require_draws,
)
from adabench.workloads.shared.language_model.draw_options import draw_options
from adabench.workloads.shared.language_model.native.word_draws import (
    pick,
    pick_among,
    sureness,
    uniform,
)
from adabench.workloads.shared.language_model.pooled.engine import PooledEngine
from adabench.workloads.shared.language_model.random_draws import draw
from adabench.workloads.shared.language_model.random_draws import sureness as sureness_in_arrays
from adabench.workloads.shared.language_model.vocabulary import EOS

from .trees import PROMPTS, TINY, engine, model

MODEL = model(TINY)
SOME = (3, 5, 6, 9)


def both():
    return [engine(MODEL), PooledEngine(MODEL, "pooled", Costs())]


def leaves_of(own, n: int = 6):
    return own.fork(own.open(PROMPTS[0], 11), n)


def mask(*words: int) -> np.ndarray:
    allowed = np.zeros(TINY.vocabulary, np.bool_)
    allowed[list(words)] = True
    return allowed


def forced_logs(ids):
    """Return torch's log-probabilities [T, V] of a text."""
    with torch.no_grad():
        states = MODEL.states(torch.tensor([ids]))[0]
        return torch.log_softmax((states @ MODEL.embedding.weight.T).double(), -1)


@pytest.mark.parametrize("own", both(), ids=lambda own: own.name)
def test_each_sequence_has_a_most_of_its_own(own):
    plain = own.decode(leaves_of(own), max_new=9)
    assert any(len(chunk.ids) == 9 for chunk in plain)
    own.reset(Costs())
    limits = [0, 9, 3, 1, 9, 4]
    found = own.decode(leaves_of(own), max_new=limits)
    for chunk, whole, most in zip(found, plain, limits, strict=True):
        assert chunk.ids == whole.ids[:most], "a shorter row changes no other"
        assert (chunk.finish == "stop") == (len(whole.ids) <= most and whole.finish == "stop")
    assert own.costs.meter["generated"] == sum(len(chunk.ids) for chunk in found)


def test_limits_are_those_of_their_sequences_on_every_thread():
    limits = [1 + i % 7 for i in range(50)]
    whole, cut = (
        ours.decode(leaves_of(ours, 50), max_new=limits)
        for ours in (engine(MODEL), engine(MODEL, threads=3))
    )
    assert [chunk.ids for chunk in whole] == [chunk.ids for chunk in cut]
    assert all(len(chunk.ids) <= most for chunk, most in zip(cut, limits, strict=True))


@pytest.mark.parametrize("own", both(), ids=lambda own: own.name)
@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_no_word_is_drawn_that_is_not_allowed_and_chances_stay_the_models(own, temperature):
    own.reset(Costs())
    seqs = leaves_of(own)
    for chunk in own.decode(seqs, max_new=8, temperature=temperature, allow=mask(*SOME)):
        assert len(chunk.ids) == 8, "nothing could end it"
        assert set(chunk.ids) <= set(SOME)
    logs = forced_logs(seqs[0].ids)
    told = [float(logs[6 + i, word]) for i, word in enumerate(seqs[0].ids[7:])]
    assert seqs[0].logprob == pytest.approx(sum(told), abs=1e-3)


@pytest.mark.parametrize("own", both(), ids=lambda own: own.name)
def test_masks_may_differ_from_sequence_to_sequence(own):
    own.reset(Costs())
    masks = np.stack([mask(3 + i) for i in range(6)])
    chunks = own.decode(leaves_of(own), max_new=2, allow=masks)
    assert [chunk.ids for chunk in chunks] == [(3 + i, 3 + i) for i in range(6)]


def test_a_mask_that_allows_every_word_changes_nothing_and_both_engines_agree():
    native, pooled = both()
    plain = native.decode(leaves_of(native), max_new=12)
    native.reset(Costs())
    wide = native.decode(leaves_of(native), max_new=12, allow=mask(*range(TINY.vocabulary)))
    assert [chunk.ids for chunk in wide] == [chunk.ids for chunk in plain]
    native.reset(Costs())
    held, same = (
        own.decode(leaves_of(own), max_new=12, allow=mask(*SOME)) for own in (native, pooled)
    )
    assert [chunk.ids for chunk in held] == [chunk.ids for chunk in same]
    assert [chunk.ids for chunk in held] != [chunk.ids for chunk in plain]


def test_masked_draws_follow_the_distribution_among_the_allowed():
    row = (2 * np.random.default_rng(5).standard_normal(12)).astype(np.float32)
    allowed = mask(*SOME)
    numbers = [uniform(np.uint64(3), np.int64(place)) for place in range(20_000)]
    counts = np.bincount([pick_among(row, allowed, 1.0, 1.0, u)[0] for u in numbers], minlength=12)
    chances = np.where(allowed, np.exp(row.astype(np.float64)), 0)
    chances /= chances.sum()
    # Six standard deviations of a count.
    assert (np.abs(counts - 20_000 * chances) < 6 * np.sqrt(20_000 * chances) + 1e-9).all()
    arrays = draw(np.stack([row] * 500), numbers[:500], 1.0, 1.0, allowed[None])[0]
    assert arrays == [pick_among(row, allowed, 1.0, 1.0, u)[0] for u in numbers[:500]]


def test_allowed_words_that_the_model_finds_impossible_are_told_apart():
    """Their weights would vanish beside the word that it wants."""
    row = np.array([400.0, 0.0, 1.0, -300.0], np.float32)
    allowed = np.array([False, True, True, False])
    numbers = np.linspace(0, 1, 200, endpoint=False)
    found = np.bincount([pick_among(row, allowed, 1.0, 1.0, u)[0] for u in numbers], minlength=4)
    share = 1 / (1 + np.e)
    assert found.tolist() == pytest.approx([0, 200 * share, 200 * (1 - share), 0], abs=1.5)
    assert pick_among(row, allowed, 0.0, 1.0, 0.9)[0] == 2
    assert pick_among(row, allowed, 1.0, 0.5, 0.99)[0] == 2
    assert pick_among(row, allowed, 1.0, 1.0, 0.1)[1] == pytest.approx(-400.0)


@pytest.mark.parametrize("own", both(), ids=lambda own: own.name)
def test_what_is_watched_is_the_models_own_distribution_before_each_draw(own):
    own.reset(Costs())
    seqs = leaves_of(own, 3)
    chunks = own.decode(seqs, max_new=7, temperature=0.5, watch=4, allow=mask(*SOME, EOS))
    for seq, chunk in zip(seqs, chunks, strict=True):
        assert len(chunk.entropies) == len(chunk.confidences) == len(chunk.ids)
        logs = forced_logs(seq.ids)[6 : 6 + len(chunk.ids)]
        entropies = -(logs.exp() * logs).sum(-1)
        np.testing.assert_allclose(chunk.entropies, entropies, atol=1e-4)
        confidences = -logs.topk(4).values.mean(-1)
        np.testing.assert_allclose(chunk.confidences, confidences, atol=1e-4)


@pytest.mark.parametrize("own", both(), ids=lambda own: own.name)
def test_watching_changes_no_word_and_is_off_unless_asked(own):
    own.reset(Costs())
    plain = own.decode(leaves_of(own), max_new=9)
    own.reset(Costs())
    watched = own.decode(leaves_of(own), max_new=9, watch=1)
    assert [(c.ids, c.logprobs) for c in plain] == [(c.ids, c.logprobs) for c in watched]
    assert all(chunk.entropies == chunk.confidences == () for chunk in plain)


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0])
def test_sureness_of_hand_made_rows(spread):
    row = (spread * np.random.default_rng(1).standard_normal(40)).astype(np.float32)
    logs = row.astype(np.float64) - np.logaddexp.reduce(row.astype(np.float64))
    for count in (1, 3, 40):
        entropy, confidence = sureness(row, count)
        assert entropy == pytest.approx(-(np.exp(logs) * logs).sum(), abs=1e-5)
        assert confidence == pytest.approx(-np.sort(logs)[::-1][:count].mean(), abs=1e-5)
        assert sureness_in_arrays(row[None], count) == (
            [pytest.approx(entropy, abs=1e-5)],
            [pytest.approx(confidence, abs=1e-5)],
        )
    if not spread:
        assert sureness(row, 5) == pytest.approx((np.log(40), np.log(40)))


@pytest.mark.parametrize("own", both(), ids=lambda own: own.name)
def test_a_budget_ends_limited_and_watched_draws_too(own):
    own.reset(Costs(budget=7))
    with pytest.raises(BudgetSpent):
        own.decode(leaves_of(own, 3), max_new=[9, 1, 9], allow=mask(*SOME), watch=2)
    assert own.costs.meter["generated"] == 7, "three, then two by two"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"max_new": [1, 2]}, "2 limits for 3 sequences"),
        ({"allow": np.ones(11, np.bool_)}, r"bool \[12\] or \[3, 12\]; got bool \[11\]"),
        ({"allow": np.ones((2, 12), np.bool_)}, r"got bool \[2, 12\]"),
        ({"allow": np.ones(12)}, "got float64"),
        ({"allow": np.stack([mask(3), mask(4), mask()])}, "at least one word"),
        ({"watch": 13}, "watch must be 0..12"),
        ({"watch": -1}, "watch must be 0..12"),
        ({"temperature": -1.0}, "temperature"),
    ],
)
def test_options_that_make_no_sense_are_sentences(given, says):
    for own in both():
        seqs = leaves_of(own, 3)
        with pytest.raises(ValueError, match=says):
            own.decode(seqs, **{"max_new": 4, **given})
        assert all(len(seq.ids) == 7 for seq in seqs)


def test_a_part_of_the_options_is_of_its_sequences():
    masks = np.stack([mask(3), mask(4), mask(5)])
    options = draw_options(
        3, 12, stop=frozenset(), max_new=[1, 2, 3], temperature=1, top_p=1, allow=masks, watch=0
    )
    part = options.part(1, 3)
    assert part.limits == (2, 3)
    assert part.masks.tolist() == masks[1:].tolist()


class Plain:
    """A backend of before: it can draw, and no more."""

    name, caps = "plain", frozenset({"fork"})


def test_a_backend_that_lacks_an_option_is_named_with_it():
    require_draws(Plain(), 5, None, 0)
    with pytest.raises(CapabilityMissing, match=r"limits, allow, watch: not supported .*plain"):
        require_draws(Plain(), [5], mask(3), 2)


def test_an_unmasked_pick_is_as_before():
    """The bits of every recorded run hang on it."""
    row = (3 * np.random.default_rng(2).standard_normal(192)).astype(np.float32)
    every = np.ones(192, np.bool_)
    for place in range(2_000):
        u = uniform(np.uint64(8), np.int64(place))
        for temperature in (0.0, 0.6, 1.0):
            plain, held = (
                pick(row, temperature, 1.0, u),
                pick_among(row, every, temperature, 1.0, u),
            )
            assert plain == held


def test_a_chunk_says_nothing_of_what_was_not_watched():
    assert Chunk((1,), (0.0,), "stop").entropies == ()
