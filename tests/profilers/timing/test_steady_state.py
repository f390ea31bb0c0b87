import math
import random

import pytest
from scipy.stats import theilslopes

from adabench.profilers.timing import clock, steady_state
from adabench.profilers.timing.disturbance import Watch
from adabench.profilers.timing.steady_state import (
    LEAST,
    change_points,
    judge,
    per_sample,
    slope_interval,
    warm_up,
)


def noise(count: int, source: random.Random, scatter: float = 0.01) -> list[float]:
    return [1e-3 * math.exp(source.gauss(0, scatter)) for _ in range(count)]


def share(judgements) -> float:
    found = list(judgements)
    return sum(found) / len(found)


@pytest.mark.parametrize("count", [LEAST, 30, 90])
def test_noise_alone_is_steady_from_the_start(count):
    source = random.Random(count)
    found = [judge(noise(count, source)) for _ in range(100)]
    # The slope's interval misses 0 in 5 % of runs; so small a drift rarely matters.
    assert share(one.steady for one in found) >= 0.88
    assert share(one.start == 0 for one in found) >= 0.95


@pytest.mark.parametrize("factor", [1.1, 2.0, 50.0])
@pytest.mark.parametrize("at", [4, 12])
def test_the_end_of_a_warm_up_is_found(factor, at):
    source, right = random.Random(at), 0
    for _ in range(50):
        times = [t * (factor if i < at else 1) for i, t in enumerate(noise(40, source))]
        found = judge(times)
        right += abs(found.start - at) <= 1
    assert right >= 47


def test_a_level_that_changed_late_is_not_steady():
    times = [t * (1.2 if i >= 30 else 1) for i, t in enumerate(noise(40, random.Random(1)))]
    found = judge(times)
    assert not found.steady
    assert "changed at block 30 of 40" in found.reason


@pytest.mark.parametrize("count", [LEAST, 30, 90])
def test_the_slope_and_its_interval_are_those_of_scipy(count):
    source = random.Random(count)
    logs = [0.01 * i + source.gauss(0, 0.1) for i in range(count)]
    slope, low, high = slope_interval(logs)
    theirs = theilslopes(logs, alpha=0.95)
    assert slope == pytest.approx(theirs.slope)
    steps = sorted((logs[j] - logs[i]) / (j - i) for i in range(count) for j in range(i + 1, count))
    # They round the ranks of the ends to the nearest, we outwards: at most one slope apart.
    assert abs(steps.index(theirs.low_slope) - steps.index(low)) <= 1
    assert abs(steps.index(theirs.high_slope) - steps.index(high)) <= 1


def test_a_slow_drift_is_not_steady_and_one_that_does_not_matter_is():
    source = random.Random(2)
    drifting = [t * (1 + 0.002 * i) for i, t in enumerate(noise(30, source, 0.004))]
    found = judge(drifting)
    assert not found.steady
    slight = [t * (1 + 0.0001 * i) for i, t in enumerate(noise(30, source, 0.0005))]
    assert judge(slight).steady


def test_spikes_are_no_change_of_level():
    source, found = random.Random(4), 0
    for _ in range(100):
        times = [t * (source.paretovariate(1.2) if source.random() < 0.1 else 1)
                 for t in noise(40, source)]  # fmt: skip
        found += bool(change_points([math.log(t) for t in times]))
    assert found <= 12


def test_two_levels_that_differ_by_nothing_that_matters_are_one_state():
    times = [1e-3 * (1.004 if i < 10 else 1.0) * (1 + 1e-5 * (i % 2)) for i in range(30)]
    assert change_points([math.log(t) for t in times]) == [10]
    assert judge(times).start == 0


def test_too_few_blocks_are_no_steady_state():
    assert "needed" in judge([1.0] * (LEAST - 1)).reason
    assert judge([1.0] * LEAST).steady


class Settling:
    """A work that is slow for its first calls, on a clock that only its calls move."""

    def __init__(self, slow: int, factor: int) -> None:
        self.calls, self.slow, self.factor, self.now_ns = 0, slow, factor, 0

    def __call__(self) -> None:
        self.calls += 1
        self.now_ns += 100_000 * (self.factor if self.calls <= self.slow else 1)


@pytest.fixture
def settling(monkeypatch):
    """Return a maker of works whose clock is the one that laps and budgets are read from."""

    def make(slow: int, factor: int) -> Settling:
        work = Settling(slow, factor)
        for module in (clock, steady_state):
            monkeypatch.setattr(module, "perf_counter_ns", lambda: work.now_ns)
        return work

    return make


def test_a_warm_up_ends_by_itself_and_no_sooner_than_the_work_has_settled(tmp_path, settling):
    work = settling(slow=8, factor=8)
    watch = Watch(tmp_path)
    found = warm_up(work, 20.0, watch)
    watch.close()
    assert found.steady, found
    assert found.reason == "steady"
    assert 7 <= found.start <= 9  # slow calls fill a block each
    assert found.laps == work.calls
    assert found.spent_s < 20.0


def test_a_warm_up_that_never_settles_ends_by_its_budget(tmp_path, settling):
    work = settling(slow=0, factor=1)
    watch = Watch(tmp_path)

    def slower() -> None:
        work.factor += 1
        work.slow = work.calls + 1
        work()

    found = warm_up(slower, 0.3, watch)
    watch.close()
    assert not found.steady
    assert found.reason.startswith("not steady: ")
    assert found.spent_s >= 0.3


def test_a_sample_is_about_a_hundred_microseconds():
    assert per_sample([]) == 1
    assert per_sample([1_000] * 9) == 100
    assert per_sample([3_000_000]) == 1
