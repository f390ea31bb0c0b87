import sys
from types import SimpleNamespace

import pytest

from adabench.profilers.cuda import CudaEvents, DeviceMemory, context, waiting
from adabench.profilers.probe import measured, open_probes


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
