"""Instruments that do not exist: a virtual clock, a board with a driver, a powercap tree.

`FakeNVML` answers the calls of `pynvml` that the product makes, for one board whose power is
piecewise constant and known exactly, so that every reading has a truth to be compared with.
Its sensor can look only part of the time, its counter can be reset, its ticks can jitter.
Time passes only when somebody waits or asks the driver, which is why hours fit in a second.
"""

import bisect
import contextlib
import heapq
import itertools
import math
import os
import random
from types import SimpleNamespace


class FakePace:
    """A `Pace` over a virtual clock; what is repeated is called while others wait."""

    def __init__(self):
        self.now = 0.0
        self._alarms, self._order = [], itertools.count()

    def ns(self):
        return round(self.now * 1e9)

    def pass_(self, seconds):
        """Let time pass without anybody else getting a turn: a blocking call."""
        self.now += seconds

    def wait(self, seconds):
        target = self.now + max(seconds, 0.0)
        while self._alarms and self._alarms[0][0] <= target:
            due, number, call = heapq.heappop(self._alarms)
            self.now = max(self.now, due)
            heapq.heappush(self._alarms, (self.now + call(), number, call))
        self.now = max(self.now, target)

    @contextlib.contextmanager
    def repeat(self, call):
        number = next(self._order)
        heapq.heappush(self._alarms, (self.now, number, call))
        try:
            yield
        finally:
            self._alarms = [alarm for alarm in self._alarms if alarm[1] != number]
            heapq.heapify(self._alarms)


class NVMLError(Exception):
    pass


class FakeNVML:
    """`pynvml` over one board.

    Args:
        pace: the clock.
        period_s, phase_s: when the counter and the power reading are published.
        seen_s: how much of each period the sensor observes, before its end; None is all.
        jitter_s: standard deviation of the publishing times.
        noise: relative standard deviation of what is added at each tick.
        gain: what the board reads for one true watt.
        reset_s: when the driver is reloaded.
        read_s: how long a question takes.
        pids: the processes on the board; by default this one, `[None]` may not be asked.
        c2c: whether a link to a processor is on; None is a driver that does not know the question.
    """

    NVMLError = NVMLError
    NVML_SUCCESS = 0
    NVML_FI_DEV_POWER_INSTANT = 186

    def __init__(
        self,
        pace,
        *,
        period_s=0.1,
        phase_s=0.037,
        seen_s=None,
        jitter_s=0.0,
        noise=0.0,
        gain=1.0,
        idle_w=70.0,
        reset_s=math.inf,
        read_s=1e-4,
        mig=False,
        counter=True,
        instant=True,
        uuid="GPU-1",
        pids=None,
        c2c=None,
        reasons=0,
        temp_c=54,
        sm_mhz=1755,
        seed=0,
    ):
        self.pace, self.period_s, self.phase_s, self.seen_s = pace, period_s, phase_s, seen_s
        self.jitter_s, self.noise, self.gain, self.idle_w = jitter_s, noise, gain, idle_w
        self.reset_s, self.read_s, self.mig, self.uuid = reset_s, read_s, mig, uuid
        self.counter, self.instant = counter, instant
        self.pids = [os.getpid()] if pids is None else list(pids)
        self.c2c, self.asked_scopes = c2c, []
        self.reasons, self.temp_c, self.sm_mhz = reasons, temp_c, sm_mhz
        self._random = random.Random(seed)
        self._times, self._watts, self._joules = [-10.0], [idle_w], [0.0]
        self._tick, self._at, self._sum, self._power = 0, pace.now, 5_000.0, idle_w
        self._next = self._due(0)

    # The load, and the truth about it.

    def draw(self, watts):
        """Draw this much from now on."""
        now = self.pace.now
        joules = self.spent(now)
        self._times.append(now)
        self._watts.append(watts)
        self._joules.append(joules)

    def spent(self, at):
        """Return the true joules up to a time that has passed."""
        index = bisect.bisect_right(self._times, at) - 1
        return self._joules[index] + self._watts[index] * (at - self._times[index])

    def runner(self, unit):
        """Return what works as long as it is told to, and says when each unit ended."""
        call = self.call(unit)

        def run(more):
            edges = [self.pace.ns()]
            while more():
                call()
                edges.append(self.pace.ns())
            return edges

        return run

    def call(self, unit):
        """Return a call: `unit()` gives the (seconds, watts) of which it consists."""

        def work():
            for seconds, watts in unit():
                self.draw(watts)
                self.pace.wait(seconds)
            self.draw(self.idle_w)

        return work

    # The sensor.

    def _due(self, tick):
        jitter = self._random.gauss(0, self.jitter_s) if self.jitter_s else 0.0
        return self.phase_s + tick * self.period_s + jitter

    def _publish(self):
        while self._next <= self.pace.now:
            due, seen = self._next, self.seen_s or self._next - self._at
            self._power = (self.spent(due) - self.spent(due - seen)) / seen if seen > 0 else 0.0
            self._power *= self.gain * (1 + self._random.gauss(0, self.noise))
            if due >= self.reset_s > self._at:
                self._sum = 0.0
            self._sum += self._power * (due - self._at)
            self._at, self._tick = due, self._tick + 1
            self._next = self._due(self._tick)

    # The driver.

    def _ask(self):
        self.pace.pass_(self.read_s)
        self._publish()

    def nvmlInit(self):
        pass

    def nvmlSystemGetDriverVersion(self):
        return "600.1"

    def nvmlDeviceGetCount(self):
        return 1

    def nvmlDeviceGetHandleByIndex(self, index):
        return "handle"

    def nvmlDeviceGetHandleByUUID(self, uuid):
        return self._find(uuid == self.uuid)

    def nvmlDeviceGetHandleByPciBusId(self, address):
        return self._find(address == "00000000:01:00.0")

    def _find(self, known):
        if not known:
            raise NVMLError("Not Found")
        return "handle"

    def nvmlDeviceGetName(self, handle):
        return "Fake Board"

    def nvmlDeviceGetUUID(self, handle):
        return self.uuid

    def nvmlDeviceGetC2cModeInfoV(self, handle):
        if self.c2c is None:
            raise NVMLError("Not Supported")
        return SimpleNamespace(isC2cEnabled=int(self.c2c))

    def nvmlDeviceGetMigMode(self, handle):
        if self.mig is None:
            raise NVMLError("Not Supported")
        return [int(self.mig), int(self.mig)]

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        if not self.counter:
            raise NVMLError("Not Supported")
        self._ask()
        return int(self._sum * 1e3)

    def nvmlDeviceGetPowerUsage(self, handle):
        if self.instant is None:
            raise NVMLError("Not Supported")
        self._ask()
        return round(self._power * 1e3)

    def nvmlDeviceGetFieldValues(self, handle, fields):
        self._ask()
        self.asked_scopes += [scope for _, scope in fields]
        milliwatts = SimpleNamespace(uiVal=round(self._power * 1e3))
        return [SimpleNamespace(nvmlReturn=0 if self.instant else 3, value=milliwatts)]

    def nvmlDeviceGetComputeRunningProcesses(self, handle):
        if self.pids == [None]:
            raise NVMLError("Insufficient Permissions")
        return [SimpleNamespace(pid=pid) for pid in self.pids]

    def nvmlDeviceGetMPSComputeRunningProcesses(self, handle):
        raise NVMLError("Not Supported")

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle):
        return self.reasons

    def nvmlDeviceGetTemperature(self, handle, sensor):
        return self.temp_c

    def nvmlDeviceGetClockInfo(self, handle, kind):
        return self.sm_mhz

    def nvmlDeviceGetEnforcedPowerLimit(self, handle):
        return 700_000


class FakeMachine:
    """`pynvml` over several boards: a handle is the board."""

    NVMLError = NVMLError
    NVML_SUCCESS = 0
    NVML_FI_DEV_POWER_INSTANT = 186

    def __init__(self, *boards):
        self.boards = boards

    def nvmlInit(self):
        pass

    def nvmlSystemGetDriverVersion(self):
        return "600.1"

    def nvmlDeviceGetCount(self):
        return len(self.boards)

    def nvmlDeviceGetHandleByIndex(self, index):
        return self.boards[index]

    def nvmlDeviceGetHandleByUUID(self, uuid):
        for board in self.boards:
            if board.uuid == uuid:
                return board
        raise NVMLError("Not Found")

    def __getattr__(self, name):
        return lambda board, *args: getattr(board, name)(board, *args)


class FakeCuda:
    """`torch.cuda` of a machine: which boards there are, which is current, which hold memory."""

    def __init__(self, *uuids, held=()):
        self.uuids, self.held = uuids, set(held)

    def current_device(self):
        return 0

    def device_count(self):
        return len(self.uuids)

    def memory_reserved(self, index):
        return int(index in self.held)

    def get_device_properties(self, index):
        return SimpleNamespace(uuid=self.uuids[index].removeprefix("GPU-"))

    def synchronize(self):
        pass


class FakeWatch:
    """The witness of disturbance over a virtual clock."""

    def __init__(self, pace, *, watched=True):
        self.pace, self.watched, self.waited_s, self.throttles = pace, watched, 0.0, 0
        self.delay = SimpleNamespace(
            now_ns=lambda: round(self.waited_s * 1e9) if self.watched else None, close=lambda: None
        )

    def look(self):
        return SimpleNamespace(
            at_ns=self.pace.ns(), pressure_ns=None, throttles=self.throttles, slow_clock=None
        )

    def wait(self, seconds):
        """Somebody else has the processor for so long."""
        self.pace.wait(seconds)
        self.waited_s += seconds


class FakePowercap:
    """A tree like `/sys/class/powercap`, whose counters wrap."""

    def __init__(self, root):
        self.root = root
        self._zones = {}

    def zone(self, name, label, uj=0, span_uj=10**12):
        folder = self.root / name
        folder.mkdir()
        (folder / "name").write_text(label + "\n")
        (folder / "max_energy_range_uj").write_text(f"{span_uj}\n")
        self._zones[name] = [uj, span_uj]
        self.spend(name, 0)
        return folder / "energy_uj"

    def spend(self, name, uj):
        """Count on, and around."""
        zone = self._zones[name]
        zone[0] = (zone[0] + uj) % zone[1]
        (self.root / name / "energy_uj").write_text(f"{zone[0]}\n")
