import json
import os
import subprocess
import sys
import threading
from array import array
from itertools import pairwise
from pathlib import Path

import pytest

from adabench.profilers.timing import clock
from adabench.profilers.timing.clock import SCHEDSTAT, Delay, lap, sample_laps
from adabench.profilers.timing.disturbance import (
    Look,
    Samples,
    Watch,
    clock_files,
    pressure,
    quota_files,
    throttle_note,
)

ROOT = Path(__file__).parents[3]
CALM = (Look(0), Look(1))
HAS_SCHEDSTAT = SCHEDSTAT.exists()


@pytest.fixture
def machine(tmp_path):
    """A machine with every witness, all calm."""
    for path, text in {
        "proc/thread-self/schedstat": "5 0 1\n",
        "proc/pressure/cpu": "some avg10=0.00 avg60=0.00 avg300=0.00 total=7\nfull total=0\n",
        "proc/self/cgroup": "0::/mine\n",
        "sys/fs/cgroup/mine/cpu.stat": "usage_usec 9\nnr_periods 4\nnr_throttled 2\n",
        "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count": "3\n",
        "sys/devices/system/cpu/cpu0/cpufreq/base_frequency": "2000000\n",
    }.items():
        put(tmp_path, path, text)
    for path in clock_files(tmp_path):
        put(tmp_path, str(path.relative_to(tmp_path)), "1900000\n")
    return tmp_path


def put(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


class Waiting:
    """A work that now and then waits: writes the run delay of the fake kernel."""

    def __init__(self, root, waits):
        self.root, self.waits, self.delay_ns = root, list(waits), 0

    def __call__(self):
        self.delay_ns += self.waits.pop(0)
        put(self.root, "proc/thread-self/schedstat", f"5 {self.delay_ns} 1\n")


def take(root, call, loops, per_sample=1):
    watch, samples = Watch(root), Samples()
    kept, _ = watch.take(call, loops, per_sample, samples)
    watch.close()
    return samples, kept


def test_a_sample_that_waited_is_dropped_counted_and_shown(machine):
    samples, kept = take(machine, Waiting(machine, [0, 0, 10**12, 0, 0]), 5)
    assert (samples.taken, samples.dropped) == (5, 1)
    assert list(kept) == [samples.laps[i] for i in (0, 1, 3, 4)]
    values = samples.values()
    assert (values["loops"], values["samples"], values["samples_dropped"]) == (5, 5, 1)
    assert samples.verdict() == "invalid"
    assert samples.verdict(0.8) == "valid"
    assert "4 of 5 samples undisturbed (waited for a processor: 1)" in samples.says()
    assert samples.says(0.8) == ""


def test_a_wait_spoils_the_whole_sample_and_no_other(machine):
    samples, kept = take(machine, Waiting(machine, [0, 0, 0, 10**12, 0, 0, 0, 0]), 8, per_sample=3)
    assert (samples.taken, samples.dropped) == (3, 1)
    assert list(kept) == [*samples.laps[:3], *samples.laps[6:]]


def test_a_wait_within_the_stated_share_is_kept():
    samples = Samples()
    samples.add(array("q", [1000, 1000]), array("q", [10, 11]), 1, CALM)
    assert samples.dropped == 1
    assert list(samples.kept) == [1000]


def test_median_and_mean_are_those_of_what_was_kept():
    samples = Samples()
    samples.add(array("q", [100, 9000, 104, 102]), array("q", [0, 8900, 0, 0]), 1, CALM)
    values = samples.values()
    assert values["latency_s"] == pytest.approx(102e-9)
    assert values["latency_mean_s"] == pytest.approx(102e-9)


def test_a_block_of_which_nothing_is_left_gives_its_times_and_is_invalid():
    samples = Samples()
    samples.add(array("q", [500]), array("q", [400]), 1, CALM)
    assert samples.values()["latency_s"] == pytest.approx(500e-9)
    assert samples.verdict() == "invalid"


@pytest.mark.parametrize("content", [None, "", "17"])
def test_where_the_kernel_does_not_tell_nothing_is_called_undisturbed(tmp_path, content):
    if content is not None:
        put(tmp_path, "proc/thread-self/schedstat", content)
    samples, _ = take(tmp_path, lambda: None, 6)
    assert samples.verdict() == "unwatched"
    assert "samples_dropped" not in samples.values()
    assert samples.values()["samples"] == 6


def test_missing_witnesses_are_named(tmp_path, machine):
    bare = Watch(tmp_path / "nowhere")
    assert {"run delay", "CPU pressure", "CPU quota", "thermal throttling", "processor clock"} == {
        *bare.absent
    }
    assert bare.look()[1:] == (None, None, None)
    full = Watch(machine)
    assert full.absent.keys() <= {"processor clock"}  # a loaded machine may read it slowly
    bare.close()
    full.close()


def test_witnesses_are_read_through_descriptors_that_stay_open(machine):
    watch = Watch(machine)
    first = watch.look()
    assert first.pressure_ns == 7000
    assert first.throttles == 2 + 3
    put(machine, "sys/fs/cgroup/mine/cpu.stat", "usage_usec 9\nnr_periods 4\nnr_throttled 5\n")
    opened = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    second = watch.look()
    assert second.throttles == 5 + 3
    assert throttle_note(first, second) == "throttled"
    assert throttle_note(second, watch.look()) == ""
    if opened:
        assert len(os.listdir("/proc/self/fd")) == opened
    watch.close()


@pytest.mark.parametrize(
    "path",
    [
        "sys/fs/cgroup/mine/cpu.stat",
        "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count",
    ],
)
def test_a_block_that_saw_throttling_is_dropped_whole(machine, path):
    text = "nr_throttled 9\n" if path.endswith("stat") else "9\n"
    samples, kept = take(machine, lambda: put(machine, path, text), 4)
    assert (samples.taken, samples.dropped, len(kept)) == (4, 4, 0)
    assert samples.causes == {"throttled": 4}


def test_a_slow_clock_and_a_slowed_device_are_dropped(machine, monkeypatch):
    monkeypatch.setattr("adabench.profilers.timing.disturbance.SLOW_READ_S", 1.0)
    for path in clock_files(machine):
        put(machine, str(path.relative_to(machine)), "1499999\n")
    samples, _ = take(machine, lambda: None, 2)
    assert samples.causes == {"slow clock": 2}
    for path in clock_files(machine):
        put(machine, str(path.relative_to(machine)), "1500001\n")
    assert take(machine, lambda: None, 2)[0].dropped == 0
    watch, samples = Watch(machine, slowed=lambda: True), Samples()
    watch.take(lambda: None, 2, 1, samples)
    watch.close()
    assert samples.dropped == 2


def test_a_clock_that_is_slow_to_read_is_not_asked(machine, monkeypatch):
    monkeypatch.setattr("adabench.profilers.timing.disturbance.SLOW_READ_S", 0.0)
    watch = Watch(machine)
    assert "too long" in watch.absent["processor clock"]
    assert watch.look().slow_clock is None
    watch.close()


def test_control_groups_of_both_versions_are_found(tmp_path):
    put(tmp_path, "proc/self/cgroup", "4:memory:/m\n3:cpu,cpuacct:/a/b\n0::/\n")
    base = tmp_path / "sys/fs/cgroup"
    assert set(quota_files(tmp_path)) == {base / "cpu/a/b/cpu.stat", base / "cpu.stat"}


def test_pressure_is_a_share_of_the_time_and_absent_without_psi():
    assert pressure(Look(0, 500), Look(1000, 750)) == pytest.approx(0.25)
    assert pressure(Look(0, 0), Look(1000, 1002)) == 1.0
    assert pressure(Look(0, None), Look(1000, None)) is None
    samples = Samples()
    samples.add(array("q", [5]), None, 1, CALM)
    assert "cpu_pressure" not in samples.values()


def test_sampled_times_every_call_and_returns_the_last_answer():
    calls = iter(range(100))
    laps, delays, answer = sample_laps(lambda: next(calls), 7, 3, Delay())
    assert (len(laps), answer) == (7, 6)
    assert delays is None or len(delays) == 3
    with pytest.raises(ValueError, match="0 laps"):
        sample_laps(lambda: None, 3, 0, Delay())
    with pytest.raises(ValueError, match="0 times"):
        sample_laps(lambda: None, 0, 1, Delay())


def test_the_look_between_samples_stands_in_no_lap(monkeypatch):
    events = []
    monkeypatch.setattr(clock, "perf_counter_ns", lambda: events.append("clock") or 0)
    delay = Delay()
    monkeypatch.setattr(delay, "now_ns", lambda: events.append("look") or 0)
    sample_laps(lambda: events.append("call"), 4, 2, delay)
    lapse = ["clock", "call", "clock"]
    assert events == ["look", *lapse, *lapse, "look", *lapse, *lapse, "look"]


@pytest.mark.skipif(not HAS_SCHEDSTAT, reason="the kernel has no schedstat")
def test_a_thread_gets_a_descriptor_of_its_own():
    delay, seen = Delay(), []
    delay.now_ns()
    own = os.readlink(f"/proc/self/fd/{delay._descriptor}")
    thread = threading.Thread(target=lambda: (
        delay.now_ns(), seen.append(os.readlink(f"/proc/self/fd/{delay._descriptor}"))))  # fmt: skip
    thread.start()
    thread.join()
    assert seen[0] != own
    delay.close()


@pytest.mark.skipif(not HAS_SCHEDSTAT, reason="the kernel has no schedstat")
def test_the_delay_never_runs_backwards():
    delay = Delay()
    readings = [delay.now_ns() for _ in range(50) if not lap(lambda: None, 100)[1]]
    assert all(second >= first for first, second in pairwise(readings))
    delay.close()


@pytest.mark.slow
@pytest.mark.skipif(not HAS_SCHEDSTAT, reason="the kernel has no schedstat")
def test_a_known_unit_is_reported_right_among_eight_busy_loops(tmp_path):
    out = tmp_path / "disturbed.json"
    script = ROOT / "benchmarks/disturbed.py"
    command = [sys.executable, "-P", str(script), "--ours", "--laps", "1500", "--out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=300)
    watched = [row for row in json.loads(out.read_text())["tools"] if "verdict" in row]
    assert len(watched) == 3
    for row in watched:
        if row["verdict"] != "invalid":
            assert abs(row["median_error"]) <= 0.05
            assert abs(row["mean_error"]) <= 0.05
            assert row["kept"] >= 0.9
