"""Drawing words: from the softmax, at a temperature, from a nucleus, and by the key alone."""

import numpy as np
import pytest

from adabench.workloads.shared.language_model.native.decoder import pick, uniform

DRAWS = 40_000
LIMIT = 5.0
"""Standard deviations of a chi-square beyond its mean; the seeds are fixed."""


def logits(spread: float, n: int = 24):
    return (spread * np.random.default_rng(7).standard_normal(n)).astype(np.float32)


def softmax(row, temperature: float = 1.0):
    shifted = (row.astype(np.float64) - row.max()) / temperature
    return np.exp(shifted) / np.exp(shifted).sum()


def drawn(row, temperature: float = 1.0, top_p: float = 1.0):
    numbers = [uniform(np.uint64(99), np.int64(place)) for place in range(DRAWS)]
    return np.bincount([pick(row, temperature, top_p, u)[0] for u in numbers], minlength=len(row))


def excess(counts, chances) -> float:
    """Return how far chi-square lies above its mean, in its standard deviations."""
    kept = chances > 0
    expected = counts.sum() * chances[kept]
    freedom = kept.sum() - 1
    chi = ((counts[kept] - expected) ** 2 / expected).sum()
    return float((chi - freedom) / np.sqrt(2 * freedom))


@pytest.mark.parametrize("spread", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_words_follow_the_softmax(spread, temperature):
    row = logits(spread)
    counts = drawn(row, temperature)
    assert excess(counts, softmax(row, temperature)) < LIMIT
    if spread:
        # The test can fail: another temperature is told apart.
        assert excess(counts, softmax(row, 1.2 * temperature)) > 2 * LIMIT


def nucleus(chances, top_p: float):
    order = np.argsort(-chances, kind="stable")
    reached = np.cumsum(chances[order])
    kept = order[: np.searchsorted(reached, top_p) + 1]
    small = np.zeros_like(chances)
    small[kept] = chances[kept]
    return small / small.sum()


@pytest.mark.parametrize("top_p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_top_p_keeps_the_nucleus(top_p, temperature):
    row = logits(2.0)
    chances = nucleus(softmax(row, temperature), top_p)
    counts = drawn(row, temperature, top_p)
    assert set(np.flatnonzero(counts)) <= set(np.flatnonzero(chances))
    if (chances > 0).sum() > 1:
        assert excess(counts, chances) < LIMIT


def test_among_equals_the_nucleus_keeps_lower_ids():
    row = np.zeros(10, np.float32)
    assert set(np.flatnonzero(drawn(row, 1.0, 0.35))) == {0, 1, 2, 3}


@pytest.mark.parametrize("u", [0.0, 0.3, 1 - 2.0**-53])
def test_temperature_zero_takes_the_largest(u):
    row = logits(1.0)
    assert pick(row, 0.0, 1.0, u)[0] == row.argmax()
    ties = np.array([0, 2, 2, 1], np.float32)
    assert pick(ties, 0.0, 1.0, u)[0] == 1


def test_the_ends_of_the_uniform_numbers_are_words():
    row = np.array([-200, 1, 0, -200], np.float32)
    assert pick(row, 1.0, 1.0, 1 - 2.0**-53)[0] in {2, 3}
    assert pick(row, 1.0, 1.0, 1e-30)[0] in {0, 1}


@pytest.mark.parametrize("spread", [0.0, 1.0, 10.0, 60.0])
@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_log_probabilities_are_at_temperature_one(spread, temperature):
    row = logits(spread, 192)
    for u in np.linspace(0, 1, 50, endpoint=False):
        word, chance = pick(row, temperature, 0.9, u)
        shifted = row.astype(np.float64) - row.max()
        assert abs(chance - (shifted[word] - np.log(np.exp(shifted).sum()))) < 2e-6


def test_numbers_are_uniform_and_depend_on_key_and_place():
    numbers = np.array(
        [[uniform(np.uint64(key), np.int64(at)) for at in range(400)] for key in range(100)]
    )
    assert ((numbers >= 0) & (numbers < 1)).all()
    assert len(np.unique(numbers)) == numbers.size
    counts = np.bincount((numbers.ravel() * 32).astype(int), minlength=32)
    assert excess(counts, np.full(32, 1 / 32)) < LIMIT
    assert abs(np.corrcoef(numbers[:, 0], numbers[:, 1])[0, 1]) < 0.4
