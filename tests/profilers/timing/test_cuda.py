import sys
from types import SimpleNamespace

import pytest

from adabench.profilers.probe import measured, open_probes
from adabench.profilers.timing.cuda import (
    CudaEvents,
    DeviceMemory,
    SlowdownWitness,
    context,
    device_times,
    event_laps,
    waiting,
)


def test_without_torch_or_without_a_context_nothing_is_waited_for(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert context() is None
    assert waiting() is None
    idle = SimpleNamespace(cuda=SimpleNamespace(is_initialized=lambda: False))
    monkeypatch.setitem(sys.modules, "torch", idle)
    assert waiting() is None


def test_probes_of_a_device_that_is_not_in_use_give_nothing(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with measured([CudaEvents(), DeviceMemory()]) as values:
        pass
    assert values == {}


@pytest.mark.gpu
def test_events_and_memory_on_a_device():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device")
    probes = [probe for probe in open_probes(device="cuda") if probe.name != "energy"]
    with measured(probes) as values:
        torch.ones(1024, 1024, device="cuda").square()
    assert values["cuda_s"] > 0
    assert values["cuda_s"] <= values["wall_s"] * 1.5
    assert values["device_peak_bytes"] >= 2 * 4 * 1024 * 1024


def test_asking_for_a_device_that_is_not_there_says_why():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    from adabench.profilers.nvml import Unmetered

    with pytest.raises(Unmetered, match=r"torch|NVML"):
        open_probes(device="cuda")


class Stream:
    """A fake torch whose device works off its queue at a clock of its own."""

    def __init__(self):
        self.log, self.now_ms, self.waits = [], 0.0, 0
        self.cuda = SimpleNamespace(
            is_initialized=lambda: True, synchronize=self.synchronize, Event=self.event,
            current_device=lambda: 0,
            get_device_properties=lambda _: SimpleNamespace(L2_cache_size=4096, uuid="x"))  # fmt: skip
        self.int8 = "int8"

    def synchronize(self):
        self.waits += 1

    def event(self, enable_timing):
        assert enable_timing
        event = SimpleNamespace(at=None)
        event.record = lambda: setattr(event, "at", self.now_ms)
        event.elapsed_time = lambda other: other.at - event.at
        return event

    def empty(self, size, dtype, device):
        assert (size, device) == (4096, "cuda")
        return SimpleNamespace(zero_=lambda: self.spend("flush", 50.0))

    def spend(self, what, ms):
        self.log.append(what)
        self.now_ms += ms


def test_events_time_each_call_with_one_wait_for_the_block(monkeypatch):
    torch = Stream()
    monkeypatch.setitem(sys.modules, "torch", torch)
    costs = iter([1.0, 2.0, 6.0])
    laps = event_laps(lambda: torch.spend("call", next(costs)), 3)
    assert laps == pytest.approx([1e-3, 2e-3, 6e-3])
    assert torch.waits == 2  # before the first call, after the last
    assert torch.log == ["call"] * 3


def test_hot_and_cold_are_named_and_the_flush_is_in_no_time(monkeypatch):
    torch = Stream()
    monkeypatch.setitem(sys.modules, "torch", torch)
    found = device_times(lambda: torch.spend("call", 2.0), 3, ("hot", "cold"))
    assert found == pytest.approx({"device_hot_s": 2e-3, "device_cold_s": 2e-3})
    assert torch.log == ["call"] * 3 + ["flush", "call"] * 3


def test_without_a_context_there_are_no_device_times(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert device_times(lambda: None, 3) == {}
    with pytest.raises(ValueError, match="CUDA context"):
        event_laps(lambda: None, 3)
    assert SlowdownWitness()() is False


@pytest.mark.gpu
def test_a_cold_copy_takes_longer_than_a_hot_one():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device")
    data = torch.ones(1 << 20, device="cuda")  # 4 MiB: fits every L2 since Volta
    found = device_times(lambda: data.sum(), 200, ("hot", "cold"))
    assert 0 < found["device_hot_s"] < found["device_cold_s"]
    assert SlowdownWitness()() in (True, False)
