import threading

import pytest

from adabench.profilers import energy
from adabench.profilers.energy import CounterReset, Energy, NvmlCounter, TdpEstimate, energy_label
from adabench.profilers.nvml import Unmetered, boards
from adabench.profilers.probe import measured
from adabench.profilers.rapl import Rapl


class NVMLError(Exception):
    pass


class Driver:
    """The few calls of NVML that are used, over one board with a counter we set."""

    NVMLError = NVMLError

    def __init__(self, *, millijoules=1_000, mig=False, counts=True, uuid="GPU-1"):
        self.millijoules, self.mig, self.counts, self.uuid = millijoules, mig, counts, uuid

    def nvmlDeviceGetCount(self):
        return 1

    def nvmlDeviceGetHandleByIndex(self, index):
        return f"handle {index}"

    def nvmlDeviceGetName(self, handle):
        return "Some Board"

    def nvmlDeviceGetHandleByUUID(self, uuid):
        if uuid != self.uuid:
            raise NVMLError("Not Found")
        return "handle 0"

    def nvmlDeviceGetMigMode(self, handle):
        if self.mig is None:
            raise NVMLError("Not Supported")
        return [int(self.mig), int(self.mig)]

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        if not self.counts:
            raise NVMLError("Not Supported")
        return self.millijoules


def zone(root, name, label, uj, span=1_000_000):
    folder = root / name
    folder.mkdir()
    (folder / "name").write_text(label + "\n")
    (folder / "energy_uj").write_text(f"{uj}\n")
    (folder / "max_energy_range_uj").write_text(f"{span}\n")
    return folder / "energy_uj"


def test_rapl_sums_packages_and_neither_their_children_nor_their_parent(tmp_path):
    first = zone(tmp_path, "intel-rapl:0", "package-0", 100)
    zone(tmp_path, "intel-rapl:0:0", "core", 50)
    zone(tmp_path, "intel-rapl:0:1", "package-0-part", 40)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 7)
    zone(tmp_path, "intel-rapl:2", "psys", 900)
    meter = Rapl(tmp_path)
    before = meter.counts()
    assert before == (100, 7)
    first.write_text("2100")
    second.write_text("1007")
    assert meter.joules(before, meter.counts()) == pytest.approx(3_000e-6)


def test_rapl_adds_one_range_to_the_package_that_wrapped(tmp_path):
    first = zone(tmp_path, "intel-rapl:0", "package-0", 999_000, span=1_000_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 5, span=4_000_000)
    meter = Rapl(tmp_path)
    before = meter.counts()
    first.write_text("500")
    assert meter.joules(before, meter.counts()) == pytest.approx(1_500e-6)
    assert meter.max_window_s == pytest.approx(1e-3)  # 1 J at the ceiling of 1000 W


def test_no_package_and_an_unreadable_one_are_told_apart(tmp_path):
    zone(tmp_path, "intel-rapl:0", "psys", 1)
    with pytest.raises(Unmetered, match="no RAPL"):
        Rapl(tmp_path)
    zone(tmp_path, "intel-rapl:1", "package-0", 1).unlink()
    with pytest.raises(Unmetered, match="may not be read") as caught:
        Rapl(tmp_path)
    assert "chmod" in caught.value.remedy


def test_the_board_is_found_by_uuid_and_counted_in_joules():
    driver = Driver()
    meter = NvmlCounter("GPU-1", driver)
    before = meter.counts()
    driver.millijoules += 2_500
    assert meter.joules(before, meter.counts()) == pytest.approx(2.5)
    with pytest.raises(Unmetered, match="does not know"):
        NvmlCounter("GPU-2", driver)


def test_mig_and_old_boards_are_refused_and_boards_without_mig_are_not():
    with pytest.raises(Unmetered, match="MIG"):
        NvmlCounter("GPU-1", Driver(mig=True))
    with pytest.raises(Unmetered, match="no energy counter"):
        NvmlCounter("GPU-1", Driver(counts=False))
    assert NvmlCounter("GPU-1", Driver(mig=None)).counts() == (1_000,)
    assert boards(Driver(mig=True)) == (("Some Board", True),)


def test_a_counter_that_runs_backwards_gives_no_value():
    driver = Driver(millijoules=5_000)
    meter = NvmlCounter("GPU-1", driver)
    meter.min_window_s = 0.0
    with pytest.raises(CounterReset), measured([Energy([meter])]) as values:
        driver.millijoules = 10
    assert values == {}


def test_a_window_that_is_too_short_gives_no_value_and_says_so(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", 100, span=10**12)
    probe = Energy([Rapl(tmp_path)])
    assert probe.min_window_s == 0.05
    with measured([probe]) as values:
        pass
    assert values == {}
    assert set(probe.why) == {"energy_cpu_j", "energy_j"}
    assert "too short" in probe.why["energy_j"]


def test_a_window_that_is_long_enough_gives_the_part_and_the_whole(tmp_path):
    file = zone(tmp_path, "intel-rapl:0", "package-0", 100, span=10**12)
    probe = Energy([Rapl(tmp_path)])
    with measured([probe]) as values:
        threading.Event().wait(0.06)
        file.write_text("400100")
    assert values == pytest.approx({"energy_cpu_j": 0.4, "energy_j": 0.4})
    assert probe.why == {}


def test_a_window_in_which_a_counter_may_have_wrapped_twice_is_refused(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", 100, span=10**6)
    probe = Energy([Rapl(tmp_path)])
    with measured([probe]) as values:
        threading.Event().wait(0.06)
    assert values == {}
    assert "too long" in probe.why["energy_j"]


def test_the_whole_is_withheld_when_a_part_is_missing(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", 100, span=10**12)
    probe = Energy([NvmlCounter("GPU-1", Driver()), Rapl(tmp_path)])
    assert probe.min_window_s == 2.0
    with measured([probe]) as values:
        threading.Event().wait(0.06)
    assert set(values) == {"energy_cpu_j"}
    assert set(probe.why) == {"energy_gpu_j", "energy_j"}


def test_with_a_gpu_in_use_that_has_no_meter_there_is_no_whole_and_no_estimate(
    tmp_path, monkeypatch
):
    zone(tmp_path, "intel-rapl:0", "package-0", 100, span=10**12)
    monkeypatch.setattr(energy, "context", lambda: object())
    probe, model = Energy([Rapl(tmp_path)]), TdpEstimate()
    with measured([probe, model]) as values:
        threading.Event().wait(0.06)
    assert set(values) == {"energy_cpu_j"}
    assert "GPU" in probe.why["energy_j"]


def test_the_model_has_a_key_and_a_label_of_its_own():
    with measured([TdpEstimate(watts_per_core=3.0)]) as values:
        sum(range(200_000))
    assert set(values) == {"energy_est_j"}
    assert values["energy_est_j"] > 0
    assert energy_label("energy_est_j") == "estimated"
    assert energy_label("energy_j") == "counter"
    assert energy_label("joules") == "unavailable"


def test_an_energy_probe_without_a_meter_is_a_mistake():
    with pytest.raises(ValueError, match="meter"):
        Energy([])
