"""What intervals hold and how often p-values err, in simulated worlds (benchmarks/intervals.py)."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.stats.student_t import interval, moments, p_above, p_below

PATH = Path(__file__).parents[2] / "benchmarks" / "intervals.py"
SPEC = importlib.util.spec_from_file_location("coverage_worlds", PATH)
assert SPEC is not None
assert SPEC.loader is not None
coverage = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = coverage
SPEC.loader.exec_module(coverage)

KINDS = {f"{kind}: {data}": (kind, data, world) for kind, data, world in coverage.worlds()}
COSTLY = ("front band", "oracle gap", "realised speedup")


@pytest.mark.parametrize("name", [name for name in KINDS if name not in coverage.CORNERS])
def test_intervals_hold_the_truth_small(name):
    """At n = 30 the standard deviation is 2 % (3.4 % of the costly ones): broken ones fail."""
    row = coverage.measure(*KINDS[name], 40 if name.startswith(COSTLY) else 120, (30,))
    if row.none[0] > coverage.RARE:  # most worlds get no interval: false ones count among all
        assert (1 - row.covered[0]) * (1 - row.none[0]) <= 0.10
    else:
        assert row.covered[0] >= (0.82 if name.startswith(COSTLY) else 0.88)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in KINDS if name not in coverage.CORNERS])
def test_intervals_hold_the_truth(name):
    """2,000 worlds a size: standard deviation 0.5 %; the bar of 0.93 to 0.97 and two of those."""
    row = coverage.measure(*KINDS[name], 2000, coverage.SIZES)
    for share, none in zip(row.covered, row.none, strict=True):
        if none > coverage.RARE:
            assert (1 - share) * (1 - none) <= 0.06, coverage.line(row)
        else:
            assert 0.92 <= share <= 0.98, coverage.line(row)


@pytest.mark.parametrize("name", sorted(coverage.CORNERS))
def test_a_corner_is_covered_by_too_much_and_never_too_little(name):
    row = coverage.measure(*KINDS[name], 300, (10,))
    assert row.corner
    assert row.covered[0] >= 0.95


def test_an_interval_that_forgets_small_samples_is_caught():
    """The planted fault: z in place of t covers 0.92 at n = 10, and the worlds show it."""
    draw = np.random.default_rng(0).normal(size=(5, 4_000))
    found = moments(draw)
    good, bad = (
        interval(found),
        interval(found._replace(df=np.full(4_000, np.inf), bend=0 * found.bend)),
    )
    held = [np.mean((low <= 0) & (high >= 0)) for low, high in (good, bad)]
    assert held[0] >= 0.945
    assert held[1] < 0.90


@pytest.mark.parametrize("n", [10, 30])
@pytest.mark.parametrize("noise", ["normal", "t(3)", "ratio of exponentials"])
def test_p_values_are_calibrated_at_one_in_a_hundred(n, noise):
    assert max(errors(noise, n, 20_000, 1e-2)) <= 1.2e-2


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 30, 100])
@pytest.mark.parametrize("noise", ["normal", "t(3)", "ratio of exponentials"])
def test_p_values_are_calibrated_at_one_in_ten_thousand(n, noise):
    """400,000 worlds expect 40 of either side; 1.6 times that is four standard deviations."""
    assert max(errors(noise, n, 400_000, 1e-4)) <= 1.6e-4


def errors(noise, n, count, alpha):
    draw, over = np.random.default_rng(n), np.zeros(2)
    for _ in range(count // 10_000):
        units = {
            "normal": lambda: draw.normal(size=(n, 10_000)),
            "t(3)": lambda: draw.standard_t(3, size=(n, 10_000)),
            "ratio of exponentials": lambda: draw.logistic(size=(n, 10_000)),
        }[noise]()
        found = moments(units)
        over += [np.sum(test(found, 0.0) <= alpha) for test in (p_above, p_below)]
    return over / count
