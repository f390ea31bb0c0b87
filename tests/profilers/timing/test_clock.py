import gc
import itertools
import time
import weakref
from array import array

import pytest

from adabench.profilers.timing import clock
from adabench.profilers.timing.clock import (
    Cpu,
    RunDelay,
    Wall,
    busy_call,
    lap,
    settle,
    take_witnessed,
)

HAS_SCHEDSTAT = clock.SCHEDSTAT.exists()


@pytest.mark.parametrize("loops", [1, 2, 7, 1000])
def test_lap_calls_exactly_as_often_as_asked_and_returns_the_last_answer(loops):
    counter = itertools.count(1)
    laps, answer = lap(lambda: next(counter), loops)
    assert next(counter) == loops + 1
    assert answer == loops
    assert laps.typecode == "q"
    assert len(laps) == loops
    assert all(time >= 0 for time in laps)


@pytest.mark.parametrize("loops", [0, -3])
def test_lap_refuses_to_do_nothing(loops):
    with pytest.raises(ValueError, match=str(loops)):
        lap(lambda: None, loops)


def test_each_call_is_timed_by_itself(monkeypatch):
    ticks = iter([0, 5, 100, 107, 200, 211])
    monkeypatch.setattr(clock, "perf_counter_ns", lambda: next(ticks))
    laps, _ = lap(lambda: None, 3)
    assert list(laps) == [5, 7, 11]


def test_a_device_is_waited_for_inside_the_lap(monkeypatch):
    events = []
    monkeypatch.setattr(clock, "waiting", lambda: lambda: events.append("wait"))
    monkeypatch.setattr(clock, "perf_counter_ns", lambda: events.append("clock") or 0)
    lap(lambda: events.append("call"), 2)
    assert events == ["wait", "clock", "call", "wait", "clock"] * 2


def test_the_previous_answer_is_gone_before_the_next_call():
    class Answer:
        pass

    alive = weakref.WeakSet()

    def call():
        assert not alive
        answer = Answer()
        alive.add(answer)
        return answer

    _, last = lap(call, 5)
    assert list(alive) == [last]


def test_the_collector_is_left_as_it_was_and_stays_on_inside():
    states = []
    lap(lambda: states.append(gc.isenabled()), 2)
    assert states == [True, True]
    gc.disable()
    try:
        lap(lambda: states.append(gc.isenabled()), 1)
        assert not gc.isenabled()
    finally:
        gc.enable()
    assert states[-1] is False


def test_an_exception_of_the_call_comes_through():
    def call():
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        lap(call, 3)


def test_settle_gives_the_median_in_seconds():
    assert settle(array("q", [7])) == {"latency_s": 7e-9, "latency_min_s": 7e-9, "loops": 1.0}
    odd = settle(array("q", [3_000, 1_000, 900_000]))
    assert odd == pytest.approx({"latency_s": 3e-6, "latency_min_s": 1e-6, "loops": 3.0})
    assert settle(array("q", [4, 1, 2, 9]))["latency_s"] == pytest.approx(3e-9)


def test_clocks_agree_on_a_busy_loop_and_differ_on_a_waiting_one(monkeypatch):
    now = {"wall": 7, "cpu": 3}
    monkeypatch.setattr(clock, "perf_counter_ns", lambda: now["wall"])
    monkeypatch.setattr(clock, "process_time_ns", lambda: now["cpu"])
    with Cpu() as cpu, Wall() as wall:
        now = {name: ns + 10_000_000 for name, ns in now.items()}
    assert cpu.read() == {"cpu_s": pytest.approx(0.01)}
    assert wall.read() == {"wall_s": pytest.approx(0.01)}
    with Cpu() as cpu, Wall() as wall:
        now["wall"] += 20_000_000
    assert wall.read() == {"wall_s": pytest.approx(0.02)}
    assert cpu.read() == {"cpu_s": 0.0}  # measured, and nothing


def test_the_clocks_are_those_of_the_machine():
    with Cpu() as cpu, Wall() as wall:
        sum(range(1000))
    assert cpu.read()["cpu_s"] >= 0
    assert wall.read()["wall_s"] >= 0
    assert (clock.perf_counter_ns, clock.process_time_ns) == (
        time.perf_counter_ns, time.process_time_ns,
    )  # fmt: skip


def test_run_delay_reads_the_second_field(tmp_path):
    file = tmp_path / "schedstat"
    file.write_text("1000 500 3\n")
    with RunDelay(file) as delay:
        assert delay.now_ns() == 500
        file.write_text("9000 2000500 9\n")
    assert delay.read() == {"run_delay_s": pytest.approx(2e-3)}
    assert delay.now_ns() is None


@pytest.mark.parametrize("content", [None, "", "17"])
def test_run_delay_is_absent_where_the_kernel_does_not_tell(tmp_path, content):
    file = tmp_path / "schedstat"
    if content is not None:
        file.write_text(content)
    with RunDelay(file) as delay:
        laps, delays = take_witnessed(lambda: None, 4, delay)
    assert delay.read() == {}
    assert (len(laps), delays) == (4, None)


@pytest.mark.skipif(not HAS_SCHEDSTAT, reason="the kernel has no schedstat")
def test_the_witness_tells_a_delay_for_every_lap():
    calls = itertools.count()
    with RunDelay() as delay:
        laps, delays = take_witnessed(lambda: next(calls), 50, delay)
    assert next(calls) == 50
    assert len(laps) == len(delays) == 50
    assert all(time >= 0 for time in delays)
    assert sum(delays) / 1e9 <= delay.read()["run_delay_s"] + 1e-12


def test_a_busy_call_scales_with_what_is_asked(monkeypatch):
    """On a machine where a step of the loop takes 10 ns, and the trial's slowest lap far longer."""
    steps, slow = [], itertools.cycle([1, 90])
    monkeypatch.setattr(clock, "repeat", lambda _, count: steps.append(count) or ())

    def lap_of(call, loops):
        call()
        return array("q", [steps[-1] * 10 * next(slow) for _ in range(loops)]), None

    monkeypatch.setattr(clock, "lap", lap_of)
    for seconds, wanted in ((50e-6, 5_000), (500e-6, 50_000)):
        busy_call(seconds)()
        assert steps[-1] == wanted
