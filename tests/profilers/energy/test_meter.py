import pytest

from adabench.profilers import installed_packages
from adabench.profilers.energy import meter as module
from adabench.profilers.energy.meter import NoValue, Null, open_named
from adabench.profilers.nvml import Unmetered


class Point:
    def __init__(self, name, opened):
        self.name, self.value, self._opened = name, f"somebody:{name}", opened

    def load(self):
        if isinstance(self._opened, Exception):
            raise self._opened
        return self._opened


@pytest.fixture
def installed(monkeypatch):
    def refuse(device):
        raise Unmetered("The power strip does not answer.", "Plug it in.")

    points = [
        Point("strip", lambda device: Null(f"energy_{device}_j", "node", "it is a toy")),
        Point("silent", refuse),
        Point("broken", ModuleNotFoundError("No module named 'somebody'")),
    ]
    monkeypatch.setattr(
        installed_packages, "entry_points", lambda group: points if group == module.GROUP else []
    )


def test_a_meter_of_a_third_party_is_opened_for_a_device(installed):
    assert open_named("strip", "cpu").key == "energy_cpu_j"
    with pytest.raises(Unmetered, match="does not answer"):
        open_named("silent", "cpu")
    with pytest.raises(Unmetered, match="does not load") as caught:
        open_named("broken", "cpu")
    assert "somebody:broken" in caught.value.remedy


def test_an_unknown_meter_is_refused_with_the_nearest_name(installed):
    with pytest.raises(Unmetered, match="'stripe'") as caught:
        open_named("stripe", "cpu")
    assert "strip?" in caught.value.remedy


def test_the_null_meter_has_a_reason_instead_of_a_number():
    meter = Null("energy_gpu_j", "gpu_board", "NVML does not start")
    with pytest.raises(NoValue, match="NVML does not start"):
        meter.joules(meter.counts(), meter.counts())
    assert meter.witness() is None
