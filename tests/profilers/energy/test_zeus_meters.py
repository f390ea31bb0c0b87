"""Meters of Zeus, over modules of its names: the library itself brings 400 MB and is no test's need."""

import sys
from types import SimpleNamespace

import pytest

from adabench.profilers.energy.energy_probe import Energy, Unwatched, host_meters
from adabench.profilers.energy.meter import CounterReset, NoValue
from adabench.profilers.energy.zeus_meters import open_zeus
from adabench.profilers.nvml import Unmetered
from adabench.profilers.probe import measured


class ZeusBaseError(Exception):
    pass


class AMDGPUs:
    """Two boards that Zeus sees; each reading adds 2 J and 3 J."""

    moves, lost = True, False

    def __init__(self):
        self.read = 0

    def __len__(self):
        return 2

    def supports_get_total_energy_consumption(self, index):
        return self.moves

    def get_total_energy_consumption(self, index):
        if self.lost:
            raise ZeusBaseError("driver not loaded")
        self.read += 1
        return (2_000, 3_000)[index] * self.read


class NVIDIAGPUs(AMDGPUs):
    pass


class CPUs:
    def __init__(self):
        self.read = 0

    def __len__(self):
        return 1

    def get_total_energy_consumption(self, index):
        self.read += 1
        return SimpleNamespace(cpu_mj=4_000.0 * self.read, dram_mj=None)


@pytest.fixture
def zeus(monkeypatch):
    found = SimpleNamespace(gpus=AMDGPUs(), cpus=CPUs())

    def give(name):
        device = getattr(found, name)
        if device is None:
            raise ZeusBaseError("NVML and AMDSMI unavailable.")
        return device

    device = SimpleNamespace(get_gpus=lambda: give("gpus"), get_cpus=lambda: give("cpus"))
    monkeypatch.setitem(sys.modules, "zeus", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "zeus.device", device)
    monkeypatch.setitem(sys.modules, "zeus.exception", SimpleNamespace(ZeusBaseError=ZeusBaseError))
    return found


def test_boards_are_read_together_and_labelled(zeus):
    meter = open_zeus("gpu")
    assert (meter.key, meter.kind, meter.scope) == ("energy_gpu_j", "counter.amdsmi", "gpu_board")
    assert meter.joules((1_000, 2_000), (3_000, 5_500)) == 5.5
    assert len(meter.counts()) == 2
    with pytest.raises(CounterReset):
        meter.joules((1_000, 2_000), (3_000, 1_999))
    assert meter.min_window_s == 5.0  # read between ticks


def test_a_processor_is_read_through_the_daemon(zeus):
    meter = open_zeus("cpu")
    meter.min_window_s = 0.0
    with measured([Energy([meter], delay=Unwatched())]) as values:
        pass
    assert values == {"energy_cpu_j": 4.0, "energy_j": 4.0}


def test_what_zeus_cannot_read_is_a_sentence(zeus):
    zeus.gpus.moves = False
    with pytest.raises(Unmetered, match="does not move"):
        open_zeus("gpu")
    zeus.gpus = NVIDIAGPUs()
    with pytest.raises(Unmetered, match="AMD boards, and these are none"):
        open_zeus("gpu")
    zeus.gpus = None
    with pytest.raises(Unmetered, match="unavailable"):
        open_zeus("gpu")
    with pytest.raises(Unmetered, match="no meter 'soc'"):
        open_zeus("soc")


def test_a_device_that_is_lost_is_an_absence(zeus):
    meter = open_zeus("gpu")
    zeus.gpus.lost = True
    with pytest.raises(NoValue, match="driver not loaded"):
        meter.counts()


def test_a_meter_of_zeus_is_asked_for_by_name_and_its_absence_names_the_extra(zeus, monkeypatch):
    assert any(meter.kind == "counter.amdsmi" for meter in host_meters("cuda", ["zeus:gpu"]))
    monkeypatch.setitem(sys.modules, "zeus.device", None)
    with pytest.raises(Unmetered, match="Zeus is not installed") as caught:
        host_meters("cuda", ["zeus:gpu"])
    assert "adabench[zeus]" in caught.value.remedy
