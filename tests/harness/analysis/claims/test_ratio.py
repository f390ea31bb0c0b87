"""Ratios of means: what becomes of a rival that finds next to nothing."""

import math

import numpy as np
import pytest

from adabench.harness.analysis.claims.ratio import _ratio_of_sums
from adabench.harness.analysis.claims.verdicts import verdicts
from adabench.harness.contract.card import Card, Claim, Metric, Ratio
from adabench.harness.contract.record import Cell, Record
from adabench.harness.stats.intervals import Replicate, bootstrap

TASK = Card(
    "Toy", role="static", metrics=(Metric("found", "share", "higher", "quality", primary=True),)
)
CLAIM = Claim("T-1", "says", "paper", Ratio("found", "uniform", low=20.0))
SEEDS, CASES = range(5), range(20)


def judged(hits: set[tuple[int, int]]):
    """The claim's row when the method finds all and its rival these cases of these seeds."""
    records = [
        Record(
            Cell("toy", name, {}, {}, "embedded", seed), "solve", case, 0, "ok",
            {"found": 1.0 if name == "sampler" else float((seed, case) in hits)}, "", "street",
        )
        for name in ("sampler", "uniform") for seed in SEEDS for case in CASES
    ]  # fmt: skip
    cards = {
        "toy/sampler": Card("Sampler", claims=(CLAIM,)),
        "toy/uniform": Card("Uniform", role="static"),
    }
    (row,) = verdicts(records, {"toy": TASK}, cards)
    return row


def test_a_rival_with_hits_in_one_seed_alone_decides_nothing() -> None:
    row = judged({(2, 3), (2, 4)})
    assert (row.verdict, row.low) == ("undecided", None)
    assert row.estimate == pytest.approx(50)
    assert "a side is zero in too many resamples: run more seeds" in row.reason
    assert "one replicate" not in row.reason


def test_a_rival_with_few_hits_leaves_a_wide_interval() -> None:
    row = judged({(seed, seed) for seed in range(4)})
    assert row.estimate == pytest.approx(25)
    assert row.low < 20 < row.high
    assert row.high > 2 * row.low
    assert row.verdict == "reproduced"  # above 1 for certain, and the mean meets the threshold
    assert "ratio of means" in row.reason


def test_a_rival_without_a_hit_has_no_ratio() -> None:
    row = judged(set())
    assert (row.verdict, row.estimate) == ("undecided", None)
    assert "have no ratio" in row.reason


@pytest.mark.parametrize(("seeds", "hits"), [(5, 4.0), (20, 1.0)])
def test_the_interval_holds_the_truth(seeds: int, hits: float) -> None:
    """A rival that hits `hits` times a seed: standard deviation of the coverage 2 %."""
    draw, worlds, held, given = np.random.default_rng(0), 120, 0, 0
    places = [Replicate(seed, "street", case) for seed in range(seeds) for case in CASES]
    rate = hits / len(CASES)
    for _ in range(worlds):
        both = (draw.random((len(places), 2)) < (0.78, rate)).astype(float)
        found = bootstrap(places, _ratio_of_sums(both))[0]
        if found.low is None or found.high is None:
            continue
        given += 1
        held += found.low <= math.log(0.78 / rate) <= found.high
    assert given > 0.9 * worlds
    assert held > 0.9 * given
