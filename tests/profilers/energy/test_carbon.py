import importlib.metadata
import socket
import sys
from types import SimpleNamespace

import pytest

from adabench.profilers.energy import carbon as module
from adabench.profilers.energy.carbon import WORLD, Factor, carbon_factor
from adabench.profilers.nvml import Unmetered


def test_a_factor_turns_joules_into_grams_and_says_where_it_is_from():
    factor = Factor(360.0, "DEU", 2023, "the grid operator")
    assert factor.grams(3.6e6) == pytest.approx(360.0)
    assert str(factor) == "360 g CO2e/kWh (DEU, 2023; the grid operator)"


def test_an_unknown_country_is_refused_and_not_the_mean_of_the_world(monkeypatch):
    table = {"DEU": {"carbon_intensity": 380.95, "year": 2023}, "ABC": {"year": 2023}}
    monkeypatch.setattr(
        module, "_tables", lambda: SimpleNamespace(get_global_energy_mix_data=lambda: table)
    )
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "3.3")
    factor = carbon_factor("deu")
    assert (factor.g_per_kwh, factor.region, factor.year) == (380.95, "DEU", 2023)
    assert "codecarbon 3.3" in factor.source
    for unknown in ("XYZ", "ABC"):
        with pytest.raises(Unmetered, match=f"no carbon factor for '{unknown}'"):
            carbon_factor(unknown)


def test_codecarbon_is_imported_when_asked_and_its_absence_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "codecarbon", None)
    monkeypatch.setitem(sys.modules, "codecarbon.input", None)
    with pytest.raises(Unmetered, match="not installed") as caught:
        carbon_factor("DEU")
    assert "adabench[carbon]" in caught.value.remedy


def test_the_installed_codecarbon_knows_countries_and_the_world_without_a_network(monkeypatch):
    pytest.importorskip("codecarbon", reason="codecarbon (extra `carbon`) is not installed")

    def refuse(*words):
        raise AssertionError("a look-up went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    factor = carbon_factor("FRA")
    assert 5 < factor.g_per_kwh < 200  # mostly nuclear
    assert factor.year is not None
    assert 300 < carbon_factor(WORLD).g_per_kwh < 700
