import itertools
import math
import threading
import time

import pytest

from adabench.profilers.energy.idle_baseline import Idle, idle_power, join_idles, with_net
from adabench.profilers.energy.meter import NoValue, Null
from adabench.profilers.energy.provenance import Reading, unavailable
from adabench.profilers.energy.unit_energy import Plan, measure
from adabench.profilers.energy.work_units import AHEAD, cuda_units, host_units


class Device:
    """`torch.cuda` with one queue: units take `unit_s` and run behind the host's back."""

    def __init__(self, unit_s):
        self.unit_s, self.busy_until, self.deepest = unit_s, time.perf_counter(), 0

    def launch(self):
        self.busy_until = max(self.busy_until, time.perf_counter()) + self.unit_s
        queued = round((self.busy_until - time.perf_counter()) / self.unit_s)
        self.deepest = max(self.deepest, queued)

    def synchronize(self):
        time.sleep(max(self.busy_until - time.perf_counter(), 0.0))

    def Event(self, *, enable_timing):
        assert enable_timing
        return Event(self)


class Event:
    def __init__(self, device):
        self.device, self.at = device, None

    def record(self):
        self.at = max(self.device.busy_until, time.perf_counter())

    def synchronize(self):
        time.sleep(max(self.at - time.perf_counter(), 0.0))

    def elapsed_time(self, other):
        return (other.at - self.at) * 1e3


def times(count):
    """Say `count` times that there is more to do."""
    left = [count]

    def more():
        left[0] -= 1
        return left[0] >= 0

    return more


def test_units_of_the_host_are_timed_one_by_one():
    edges = host_units(lambda: time.sleep(0.002))(times(5))
    assert len(edges) == 6
    assert all(later - earlier >= 2_000_000 for earlier, later in itertools.pairwise(edges))


@pytest.mark.parametrize("batch", [1, 4])
def test_units_of_a_device_are_placed_on_the_clock_of_the_host_and_its_queue_never_empties(batch):
    device = Device(0.001)
    edges = cuda_units(device.launch, device, batch=batch)(times(60))
    assert len(edges) == 61
    assert edges == sorted(edges)
    assert (edges[-1] - edges[0]) / 1e9 == pytest.approx(0.06 * batch, rel=0.5)
    assert abs(edges[-1] - time.perf_counter_ns()) < 50_000_000
    assert 2 * batch < device.deepest <= (AHEAD + 2) * batch  # ahead, and not without bound


class Stepping(Null):
    """A counter of 100 W over the machine's own time, published every 20 ms."""

    kind, stepping, lag_s, u_rel = "counter.nvml", True, 0.02, 0.0

    def counts(self):
        return (int(time.perf_counter() / 0.02),)

    def joules(self, before, after):
        return (after[0] - before[0]) * 2.0


@pytest.mark.filterwarnings("error")
def test_the_whole_procedure_runs_on_the_clock_and_the_threads_of_this_machine():
    meter = Stepping("energy_gpu_j", "gpu_board", "")
    rest = threading.Event()
    plan = Plan(blocks=4, window_s=0.4, phases=2, idle_s=0.3, warm_up_s=0.0, period_ticks=8)
    found = measure(host_units(lambda: rest.wait(0.005)), meter, plan)
    assert found.reading.tick_s == pytest.approx(0.02, rel=0.05)
    assert found.reading.j / found.reading.window_s == pytest.approx(100.0, rel=0.05)
    assert found.reading.idle_w == pytest.approx(100.0, rel=0.1)
    assert found.reading.phase_steps == 2
    assert len(found.blocks) == 4


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


def test_an_idle_time_that_is_too_short_for_the_meter_is_refused():
    with pytest.raises(NoValue, match="too short"):
        idle_power(Stepping("energy_gpu_j", "gpu_board", ""), 0.03)
