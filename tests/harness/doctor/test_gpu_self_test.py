"""The self-test of a GPU over boards that do not exist."""

import importlib.util
import json
from pathlib import Path

import pytest

from adabench.cli.commands.doctor import gpu_page
from adabench.harness.doctor.gpu_self_test import examine_gpu, self_test
from adabench.harness.errors import DeviceUnavailable
from adabench.profilers.energy import energy_pass as module
from adabench.profilers.energy.energy_pass import EnergyMeters, Plan
from adabench.profilers.nvml import Unmetered

READS = ("profilers/fakes.py",)
"""For tests/suite/dependencies.py."""

FAKES = Path(__file__).parents[2] / "profilers" / "fakes.py"


@pytest.fixture(scope="module")
def fakes():
    spec = importlib.util.spec_from_file_location("adabench_fakes", FAKES)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def examined(fakes, monkeypatch):
    def examine(others=(), **faults):
        pace = fakes.FakePace()
        board = fakes.FakeNVML(pace, **faults)
        nvml = fakes.FakeMachine(board, *(fakes.FakeNVML(pace, **other) for other in others))
        cuda = fakes.FakeCuda(board.uuid)
        monkeypatch.setattr(module, "context", lambda: cuda)
        monkeypatch.setattr(module, "waiting", lambda: cuda.synchronize)
        monkeypatch.setattr(module, "open_nvml", lambda: nvml)

        def multiply(size, products):  # 100 TFLOPS, 200 to 600 W
            seconds = products * 2.0 * size**3 / 100e12
            return board.call(lambda: [(seconds, 200.0 + 400.0 * (size > 2_000))])

        meters = EnergyMeters((), pace, Plan(phases=1, half_width=1.0))
        return examine_gpu(nvml, meters, fakes.FakeWatch(pace), multiply)

    return examine


def test_a_sound_board_agrees_with_itself_and_refuses_nothing(examined):
    found = examined()
    assert found.passed
    assert [gemm.size for gemm in found.gemms] == [1024, 4096, 8192]
    for gemm, watts in zip(found.gemms, (200.0, 600.0, 600.0), strict=True):
        assert gemm.j == pytest.approx(watts * 2.0 * gemm.size**3 / 100e12, rel=0.005)
        assert gemm.integral_j == pytest.approx(gemm.j, rel=0.03)
        assert gemm.watts == pytest.approx(watts, rel=0.005)
        assert gemm.pj_per_operation == pytest.approx(watts / 100, rel=0.005)
        assert gemm.interval[0] < gemm.j < gemm.interval[1]
    page = gpu_page(found)
    assert "counter.nvml" in page
    assert page.endswith("nothing")
    assert json.loads(json.dumps(found.to_json()))["passed"] is True


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"mig": True}, "MIG mode"),
        ({"pids": [1]}, "1 other process on the GPU"),
        ({"pids": []}, "whether the board is ours alone is unknown"),
        ({"counter": False}, "no energy counter"),
        ({"counter": False, "instant": None}, "no energy counter"),
        ({"reasons": 0x20}, "holds its clocks down"),
    ],
)
def test_what_a_run_would_refuse_is_said(examined, faults, words):
    found = examined(**faults)
    assert not found.passed
    assert any(words in refusal for refusal in found.refusals), found.refusals
    assert words in gpu_page(found)


def test_a_counter_that_disagrees_with_the_sampled_power_is_said(examined, monkeypatch, fakes):
    true = fakes.FakeNVML.nvmlDeviceGetFieldValues

    def inflated(self, handle, fields):
        (value,) = true(self, handle, fields)
        value.value.uiVal = round(value.value.uiVal * 1.2)
        return [value]

    monkeypatch.setattr(fakes.FakeNVML, "nvmlDeviceGetFieldValues", inflated)
    found = examined()
    assert not found.passed
    assert "+20% from the counter" in " ".join(found.refusals)


def test_a_neighbour_on_another_board_is_no_matter(examined, fakes):
    assert examined(
        others=[{"uuid": "GPU-2", "pids": [1]}, {"uuid": "GPU-3", "pids": [1], "mig": True}]
    ).passed


def test_without_a_gpu_there_is_a_sentence(monkeypatch):
    def no_driver():
        raise Unmetered("NVML does not start: Driver Not Loaded.", "Install the driver.")

    monkeypatch.setattr("adabench.harness.doctor.gpu_self_test.open_nvml", no_driver)
    with pytest.raises(DeviceUnavailable, match="no GPU to test: NVML does not start") as caught:
        self_test()
    assert caught.value.exit_code == 3
    assert caught.value.hint == "Install the driver."
