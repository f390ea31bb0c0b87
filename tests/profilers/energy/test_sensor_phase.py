import statistics

import pytest

from adabench.profilers.energy.counter_ticks import TickWatch
from adabench.profilers.energy.counter_window import align_window
from adabench.profilers.energy.nvml_meters import IntegratedPower, NvmlCounter
from adabench.profilers.energy.sensor_phase import ALIASING, delays_s, wait_for_phase
from adabench.profilers.energy.uncertainty import stratified_mean, stratum_spread

TRUE_W = 250.0


def square(period_s):
    """A load of 400 W for one half of its period and 100 W for the other."""
    return lambda: [(period_s / 2, 400.0), (period_s / 2, 100.0)]


def group(pace, nvml, delay_s, load_s, seconds=2.0):
    """Watts of one group of repetitions, begun after a tick and a delay, by both meters."""
    counter = NvmlCounter("GPU-1", nvml)
    wait_for_phase(counter.counts, delay_s, pace)
    watch = TickWatch(counter.counts, pace, period_s=0.1)
    stop = pace.now + seconds
    with IntegratedPower("GPU-1", nvml, pace) as power, pace.repeat(watch.look):
        edges = nvml.runner(square(load_s))(lambda: pace.now < stop)
    window = align_window(counter, watch.ticks, (edges[0], edges[-1]), min_s=1.5)
    integral = power.joules((window.start_ns,), (window.stop_ns,))
    return window.watts, integral / window.window_s


def errors(fakes, delays, load_s):
    """Relative errors of the mean over groups, by the counter and by the integral."""
    pace = fakes.FakePace()
    nvml = fakes.FakeNVML(pace, seen_s=0.025)
    pairs = [group(pace, nvml, delay, load_s) for delay in delays]
    return [statistics.fmean(column) / TRUE_W - 1 for column in zip(*pairs, strict=True)]


@pytest.mark.parametrize("load_s", [0.1, 0.05])
def test_four_phase_steps_remove_the_aliasing_of_a_sensor_that_sees_a_quarter(fakes, load_s):
    single = [errors(fakes, [delay], load_s) for delay in delays_s(0.1, 20)]
    for meter in (0, 1):
        worst = max(abs(pair[meter]) for pair in single)
        assert 0.5 < worst < 0.65  # up to 60 % off, by the accident of a phase
    stepped = errors(fakes, delays_s(0.1), load_s)
    print(f"load {load_s:g} s: worst single phase {worst:.0%}, four steps {stepped}")
    assert max(abs(error) for error in stepped) < 0.01


def test_a_sensor_that_sees_everything_needs_no_steps(fakes):
    pace = fakes.FakePace()
    nvml = fakes.FakeNVML(pace)
    watts = [group(pace, nvml, delay, 0.1)[0] for delay in delays_s(0.1)]
    assert watts == pytest.approx([TRUE_W] * 4, rel=0.005)
    assert stratum_spread(watts, [1.0] * 4, [0, 1, 2, 3]) < ALIASING


def test_phases_that_differ_are_noticed(fakes):
    pace = fakes.FakePace()
    nvml = fakes.FakeNVML(pace, seen_s=0.025)
    watts = [group(pace, nvml, delay, 0.1)[0] for delay in delays_s(0.1)]
    assert stratum_spread(watts, [1.0] * 4, [0, 1, 2, 3]) > ALIASING


def test_steps_are_equal_and_a_group_starts_at_its_own(fakes):
    assert delays_s(0.1) == pytest.approx((0.0, 0.025, 0.05, 0.075))
    with pytest.raises(ValueError, match="one step"):
        delays_s(0.1, 0)
    pace = fakes.FakePace()
    counter = NvmlCounter("GPU-1", fakes.FakeNVML(pace))
    for delay in delays_s(0.1)[1:]:
        tick = wait_for_phase(counter.counts, delay, pace)
        assert pace.now - tick.ns / 1e9 == pytest.approx(delay, abs=1e-6)


def test_the_mean_over_phases_is_not_disturbed_by_their_difference():
    values = [1.0, 3.0, 1.1, 3.1, 0.9, 2.9]
    estimate = stratified_mean(values, [1.0] * 6, [0, 1, 0, 1, 0, 1])
    assert estimate.mean == pytest.approx(2.0)
    assert estimate.u == pytest.approx(0.1 / 6**0.5)  # the scatter within, not the 2 between
    assert estimate.df == 4
