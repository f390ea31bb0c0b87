import math
import threading

import pytest

from adabench.profilers.energy.idle_baseline import Idle, idle_power, join_idles, with_net
from adabench.profilers.energy.meter import NoValue, Null
from adabench.profilers.energy.provenance import Reading, unavailable
from adabench.profilers.energy.work_units import (
    UNIT_S,
    Stretch,
    calls_per_unit,
    host_units,
    work_in,
)
from adabench.profilers.timing.pacing import HostClock


@pytest.fixture
def pace(fakes):
    """A clock that moves only when somebody waits; units are timed by it too."""
    return fakes.FakePace()


def times(count):
    """Say `count` times that there is more to do."""
    left = [count]

    def more():
        left[0] -= 1
        return left[0] >= 0

    return more


def test_units_are_timed_one_by_one_with_their_waiting(fakes, pace):
    watch, turn = fakes.FakeWatch(pace), iter(range(100))

    def call():
        pace.wait(0.002)
        if next(turn) == 3:
            watch.wait(0.010)

    run = host_units(call, 2, waited_ns=watch.delay.now_ns, clock_ns=pace.ns)
    found = run(times(2))
    lengths = [b - a for a, b in zip(found.starts_ns, found.ends_ns, strict=True)]
    assert lengths == [4_000_000, 14_000_000, 4_000_000]
    assert list(found.waits_ns) == [0, 10_000_000, 0]
    assert found.calls == 2


def test_at_least_one_unit_is_run_and_where_nobody_watches_no_waiting_is_known(pace):
    found = host_units(lambda: pace.wait(0.002), clock_ns=pace.ns)(lambda: False)
    assert len(found.ends_ns) == 1
    assert found.waits_ns is None


def test_a_device_is_waited_for_after_each_call_and_inside_the_unit(pace):
    events = []
    run = host_units(
        lambda: events.append("call"), 2, wait=lambda: events.append("wait"), clock_ns=pace.ns
    )
    run(lambda: False)
    assert events == ["call", "wait"] * 2


@pytest.mark.parametrize(
    ("call_s", "least", "most"), [(20e-6, 10, 20), (1e-3, 1, 1), (1e-7, 2000, 4000)]
)
def test_a_unit_is_as_many_calls_as_a_look_is_cheap_beside(pace, call_s, least, most):
    assert least <= calls_per_unit(lambda: pace.pass_(call_s), clock_ns=pace.ns) <= most
    assert pace.now < 40 * UNIT_S + 4 * call_s


def test_a_slow_first_call_does_not_make_units_of_one(pace):
    slow = iter([0.3])
    size = calls_per_unit(lambda: pace.pass_(next(slow, 20e-6)), clock_ns=pace.ns)
    assert size >= 10


def test_a_clock_that_stands_still_ends_the_search():
    assert calls_per_unit(lambda: None, clock_ns=lambda: 7) > 1


def test_work_is_undisturbed_units_in_proportion():
    # three units of 100 ns, 10 ns between them; the second waited
    units = Stretch([0, 110, 220], [100, 210, 320], [0, 30, 1], 5)
    whole = work_in(units, 0, 320)
    assert whole == (pytest.approx(200 / 320), 10.0, True)
    cut = work_in(units, 50, 270)
    assert cut == (pytest.approx(100 / 220), pytest.approx(5.0), True)
    assert work_in(units, 102, 108) == (0.0, 0.0, True)
    blind = Stretch([0, 110, 220], [100, 210, 320], None, 5)
    assert work_in(blind, 0, 320) == (pytest.approx(300 / 320), 15.0, False)


class Stepping(Null):
    """A counter of 100 W over a clock's time, published every 20 ms; a look takes 20 us."""

    kind, stepping, lag_s, u_rel = "counter.nvml", True, 0.02, 0.0

    def __init__(self, pace):
        super().__init__("energy_gpu_j", "gpu_board", "")
        self.pace = pace

    def counts(self):
        self.pace.pass_(20e-6)
        return (int(self.pace.now / 0.02),)

    def joules(self, before, after):
        return (after[0] - before[0]) * 2.0


def test_what_is_repeated_is_called_from_a_thread_until_the_context_ends():
    calls, enough = [], threading.Event()

    def call():
        calls.append(threading.current_thread())
        if len(calls) == 3:
            enough.set()
        return 0.0

    with HostClock().repeat(call):
        enough.wait()
    assert len(calls) >= 3
    assert threading.main_thread() not in calls
    assert not any(thread.is_alive() for thread in calls)


def test_what_was_raised_while_repeating_comes_out_when_the_context_is_left():
    called = threading.Event()

    def call():
        called.set()
        raise OSError("the meter is gone")

    with pytest.raises(OSError, match="gone"), HostClock().repeat(call):
        called.wait()


def test_net_is_gross_less_idle_and_says_when_work_drew_less_than_that():
    gross = Reading(1_000.0, 50.0, "counter.nvml", "gpu_board", window_s=5.0)
    net = with_net(gross, Idle(70.0, 1.0, "context"), 0.05)
    assert (net.j, net.net_j, net.idle_kind) == (1_000.0, 650.0, "context")
    assert net.u_net_j == pytest.approx(math.hypot(0.05 * 650, 5.0))  # the gain they share
    below = with_net(gross, Idle(250.0, 1.0, "context"), 0.05)
    assert below.net_j == -250.0
    assert below.flags == ("below_idle",)
    absent = unavailable("gpu_board", "no driver")
    assert with_net(absent, Idle(70.0, 1.0, "context"), 0.05) is absent


def test_idles_before_and_after_are_joined_and_their_drift_is_uncertainty():
    idle, drifted = join_idles([Idle(70.0, 0.1, "context"), Idle(72.0, 0.1, "context")])
    assert idle.watts == 71.0
    assert idle.u_w >= 1.0
    assert not drifted
    assert join_idles([Idle(70.0, 0.1, "context"), Idle(80.0, 0.1, "context")])[1]
    with pytest.raises(ValueError, match="no idle"):
        join_idles([])


def test_an_idle_time_that_is_too_short_for_the_meter_is_refused(pace):
    with pytest.raises(NoValue, match="too short"):
        idle_power(Stepping(pace), 0.03, pace)
