"""Noise does what its name says, once, and its errors are counted."""

import numpy as np
import pytest

from adabench.workloads.algorithms.paging.substrate.traces import NOISE
from adabench.workloads.algorithms.paging.truth.hindsight import (
    advise,
    errors,
    family_hindsight,
    flips,
    spoil,
)
from adabench.workloads.shared.counting.random_streams import child

SEEN = family_hindsight("zipf", 20000, 20, 0)


@pytest.mark.parametrize("kind", ["symmetric", "rise", "fall", "bursty"])
@pytest.mark.parametrize("noise", [0.0, 0.1, 1.0])
def test_errors_are_those_the_kind_allows(kind: str, noise: float) -> None:
    advice = advise(SEEN, noise, kind)
    given, truth = advice.hints["discard"], SEEN.discard
    assert advice.eta0 == int(np.sum((given == 0) & (truth == 1)))
    assert advice.eta1 == int(np.sum((given == 1) & (truth == 0)))
    assert (advice.eta0 == 0) == (noise == 0 or kind == "rise")
    assert (advice.eta1 == 0) == (noise == 0 or kind == "fall")
    if noise == 1.0 and kind in ("symmetric", "bursty"):
        assert (given == 1 - truth).all()


@pytest.mark.parametrize("kind", ["symmetric", "bursty"])
@pytest.mark.parametrize("rate", [0.05, 0.5, 0.995])
def test_flips_come_at_the_rate(kind: str, rate: float) -> None:
    share = [flips(kind, rate, 200000, child(seed, NOISE)).mean() for seed in range(5)]
    assert np.mean(share) == pytest.approx(rate, abs=0.02 if kind == "bursty" else 0.003)


def test_bursts_are_long() -> None:
    flipped = flips("bursty", 0.1, 200000, child(0, NOISE))
    starts = np.count_nonzero(np.diff(flipped.astype(int)) == 1)
    assert 70 < flipped.sum() / starts < 140


def test_more_noise_spoils_the_same_bits_and_more() -> None:
    few, many = (flips("symmetric", rate, 5000, child(3, NOISE)) for rate in (0.1, 0.3))
    assert (few <= many).all()
    assert few.sum() < many.sum()


def test_shuffled_bits_keep_the_rate_alone() -> None:
    hints = advise(SEEN, 0.0, "symmetric").hints
    assert hints["shuffled"].sum() == hints["discard"].sum()
    agreement = np.mean(hints["shuffled"] == hints["discard"])
    share = hints["discard"].mean()
    assert agreement == pytest.approx(share**2 + (1 - share) ** 2, abs=0.02)


def test_arrivals_are_spoilt_at_the_rate_and_lie_ahead() -> None:
    hints = advise(SEEN, 0.3, "symmetric").hints
    assert np.mean(hints["arrival"] != hints["next"]) == pytest.approx(0.3, abs=0.02)
    assert (hints["arrival"] > np.arange(20000)).all()


def test_hints_cannot_be_written() -> None:
    for array in advise(SEEN, 0.1, "symmetric").hints.values():
        assert not array.flags.writeable


def test_spoil_and_errors_by_hand() -> None:
    truth, flipped = np.array([0, 0, 1, 1], np.uint8), np.array([1, 0, 1, 0], bool)
    assert spoil(truth, flipped, "symmetric").tolist() == [1, 0, 0, 1]
    assert spoil(truth, flipped, "rise").tolist() == [1, 0, 1, 1]
    assert spoil(truth, flipped, "fall").tolist() == [0, 0, 0, 1]
    assert errors(np.array([1, 0, 0, 1]), truth) == (1, 1)
