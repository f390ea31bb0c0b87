import itertools
import math
import threading

import pytest

from adabench.profilers.energy import work_units
from adabench.profilers.energy.idle_baseline import Idle, idle_power, join_idles, with_net
from adabench.profilers.energy.meter import NoValue, Null
from adabench.profilers.energy.provenance import Reading, unavailable
from adabench.profilers.energy.unit_energy import Plan, measure
from adabench.profilers.energy.work_units import AHEAD, cuda_units, host_units
from adabench.profilers.timing.pacing import HostClock


@pytest.fixture
def pace(fakes, monkeypatch):
    """A clock that moves only when somebody waits; units are timed by it too."""
    pace = fakes.FakePace()
    monkeypatch.setattr(work_units, "perf_counter_ns", pace.ns)
    return pace


class Device:
    """`torch.cuda` with one queue: units take `unit_s` and run behind the host's back."""

    def __init__(self, unit_s, pace):
        self.unit_s, self.pace, self.busy_until, self.deepest = unit_s, pace, pace.now, 0

    def launch(self):
        self.busy_until = max(self.busy_until, self.pace.now) + self.unit_s
        queued = round((self.busy_until - self.pace.now) / self.unit_s)
        self.deepest = max(self.deepest, queued)

    def synchronize(self):
        self.pace.wait(self.busy_until - self.pace.now)

    def Event(self, *, enable_timing):
        assert enable_timing
        return Event(self)


class Event:
    def __init__(self, device):
        self.device, self.at = device, None

    def record(self):
        self.at = max(self.device.busy_until, self.device.pace.now)

    def synchronize(self):
        self.device.pace.wait(self.at - self.device.pace.now)

    def elapsed_time(self, other):
        return (other.at - self.at) * 1e3


def times(count):
    """Say `count` times that there is more to do."""
    left = [count]

    def more():
        left[0] -= 1
        return left[0] >= 0

    return more


def test_units_of_the_host_are_timed_one_by_one(pace):
    edges = host_units(lambda: pace.wait(0.002))(times(5))
    assert len(edges) == 6
    assert all(later - earlier == 2_000_000 for earlier, later in itertools.pairwise(edges))


@pytest.mark.parametrize("batch", [1, 4])
def test_units_of_a_device_are_placed_on_the_clock_of_the_host_and_its_queue_never_empties(
    batch, pace
):
    device = Device(0.001, pace)
    edges = cuda_units(device.launch, device, batch=batch)(times(60))
    assert len(edges) == 61
    assert edges == sorted(edges)
    assert (edges[-1] - edges[0]) / 1e9 == pytest.approx(0.06 * batch)
    assert edges[-1] == pytest.approx(pace.ns(), abs=1)
    assert 2 * batch < device.deepest <= (AHEAD + 2) * batch  # ahead, and not without bound


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


def test_the_whole_procedure_runs_over_units_of_the_host(pace):
    meter = Stepping(pace)
    plan = Plan(blocks=4, window_s=0.4, phases=2, idle_s=0.3, warm_up_s=0.0, period_ticks=8)
    found = measure(host_units(lambda: pace.wait(0.005)), meter, plan, pace=pace)
    assert found.reading.tick_s == pytest.approx(0.02, rel=0.05)
    assert found.reading.j / found.reading.window_s == pytest.approx(100.0, rel=0.05)
    assert found.reading.idle_w == pytest.approx(100.0, rel=0.1)
    assert found.reading.phase_steps == 2
    assert len(found.blocks) == 4


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
