import math
import random
import statistics
from array import array

import pytest
from scipy.stats import binom, rankdata

from adabench.profilers.timing.disturbance import Look, Samples
from adabench.profilers.timing.stopping import (
    Rule,
    Target,
    collect,
    half_width,
    inflation,
    interval,
)


def series(kind: str, count: int, source: random.Random) -> list[float]:
    """Block medians around 1 with 2 % scatter: independent, heavy-tailed, or autocorrelated."""
    if kind == "heavy":
        return [
            math.exp(source.gauss(0, 0.02)) * (source.paretovariate(1.5) if source.random() < 0.1 else 1)
            for _ in range(count)
        ]  # fmt: skip
    phi, state, found = float(kind), source.gauss(0, 1), []
    for _ in range(count):
        found.append(math.exp(0.02 * state))
        state = phi * state + math.sqrt(1 - phi * phi) * source.gauss(0, 1)
    return found


@pytest.mark.parametrize("kind", ["0", "heavy", "0.3", "0.5"])
@pytest.mark.parametrize("count", [20, 60])
def test_the_interval_holds_the_median_as_often_as_it_says(kind, count):
    source = random.Random(count)
    truth = statistics.median(series(kind, 200_001, source)) if kind == "heavy" else 1.0
    hits = 0
    for _ in range(600):
        low, high = interval(series(kind, count, source))
        hits += low <= truth <= high
    # 95 % less what 600 runs scatter (3 x 0.9 %); order statistics are coarse and so too wide.
    assert 0.92 <= hits / 600 <= 0.99


def test_few_values_determine_nothing():
    assert half_width([]) == math.inf
    assert half_width([1.0] * 5) == math.inf
    assert half_width([1.0] * 6) == 0.0


def test_the_exact_ranks_of_small_samples():
    values = [float(i) for i in (5, 1, 9, 3, 10, 2, 8, 4, 7, 6)]
    assert interval(values) == (2.0, 9.0)  # the sign test at n = 10


@pytest.mark.parametrize("count", range(6, 61))
def test_the_interval_is_the_closest_symmetric_one_that_the_binomial_allows(count):
    alternating = [float(i % 2) * 1000 + i for i in range(count)]  # which widens nothing
    low, high = interval(alternating)
    below = sorted(alternating).index(low)
    assert sorted(alternating).index(high) == count - 1 - below
    assert 2 * binom.cdf(below, count, 0.5) <= 0.05 < 2 * binom.cdf(below + 1, count, 0.5)


def test_the_correlation_of_neighbours_is_that_of_their_ranks():
    values = [round(value, 2) for value in series("0.8", 200, random.Random(4))]  # with ties
    ranks = rankdata(values) - (len(values) + 1) / 2
    r = (ranks[1:] * ranks[:-1]).sum() / (ranks**2).sum()
    r += (1 + 4 * r) / len(values)
    assert inflation(values) == pytest.approx((1 + r) / (1 - r))


def test_dependence_inflates_and_alternation_does_not():
    source = random.Random(3)
    assert inflation(series("0.8", 200, source)) > 4
    assert inflation([1.0, 2.0] * 20) == 1.0


def test_the_rule_asks_for_two_looks_running_and_not_every_block():
    rule, calm = Rule(Target(half_width=0.01, budget_s=9.0, least=10)), [1.0, 1.001] * 20
    reasons = [rule.after(calm[:n], 0.1) for n in range(1, 14)]
    assert reasons == [None] * 12 + ["precision reached"]
    assert rule.half_width <= 0.01


@pytest.mark.parametrize(("enough", "reason"), [(True, "budget spent"), (False, "disturbed")])
def test_the_budget_ends_it_and_the_reason_says_what_was_wrong(enough, reason):
    wide = [1.0, 2.0] * 10
    assert Rule(Target(budget_s=1.0)).after(wide, 0.9, enough_kept=enough) is None
    assert Rule(Target(budget_s=1.0)).after(wide, 1.0, enough_kept=enough) == reason


def test_precision_is_not_reached_on_too_few_kept_samples():
    rule = Rule(Target(budget_s=1.0))
    for count in range(1, 40):
        assert rule.after([1.0] * count, 0.1, enough_kept=False) is None
    assert rule.after([1.0] * 40, 1.0, enough_kept=False) == "disturbed"


class Scripted:
    """A watch whose blocks are written down beforehand: (laps, delays) in nanoseconds."""

    def __init__(self, *blocks):
        self.blocks, self.taken = blocks, 0

    def take(self, call, loops, per_sample, into: Samples):
        laps, delays = self.blocks[self.taken % len(self.blocks)]
        self.taken += 1
        looks = (Look(0), Look(1))
        return into.add(array("q", laps), array("q", delays), per_sample, looks), call()


def test_without_a_target_one_block_is_taken():
    watch = Scripted(([100, 200], [0, 0]))
    found = collect(lambda: "answer", 2, 1, watch)
    assert (watch.taken, found.answer, found.reason) == (1, "answer", None)
    assert "latency_half_width" not in found.values()


def test_blocks_are_taken_until_the_target_is_met():
    watch = Scripted(([1000, 1001], [0, 0]), ([1002, 1003], [0, 0]))
    found = collect(lambda: None, 2, 1, watch, Target(half_width=0.01, budget_s=60.0))
    assert found.reason == "precision reached"
    assert watch.taken == 13
    assert found.values()["latency_half_width"] <= 0.01
    assert found.values()["loops"] == 26


def test_a_disturbed_machine_ends_by_its_budget_and_is_called_that():
    watch = Scripted(([1000, 90_000], [0, 89_000]))
    found = collect(lambda: None, 2, 1, watch, Target(budget_s=0.02))
    assert found.reason == "disturbed"
    assert found.samples.verdict() == "invalid"
    assert found.values()["latency_s"] == pytest.approx(1e-6)
