import importlib
import sys
from types import SimpleNamespace

import pytest

from adabench.profilers.energy import carbon as module
from adabench.profilers.energy.carbon import Factor, carbon, country_factor
from adabench.profilers.energy.provenance import Reading, label_of, unavailable
from adabench.profilers.energy.tdp_estimate import TdpModel
from adabench.profilers.nvml import Unmetered

FACTOR = Factor(360.0, "DEU", 2023, "the grid operator")


def test_the_model_counts_processor_seconds_and_says_how_bad_it_is():
    model = TdpModel(watts_per_core=3.0)
    assert model.joules((0,), (2 * 10**9,)) == pytest.approx(6.0)
    assert label_of(model.kind) == "estimated"
    assert model.u_rel == 0.5
    before = model.counts()
    sum(range(200_000))
    assert model.joules(before, model.counts()) > 0


@pytest.mark.parametrize("kind", ["counter.nvml", "estimated.tdp", "measured.wall"])
def test_grams_carry_the_label_of_their_joules_and_the_origin_of_their_factor(kind):
    grams = carbon(Reading(3.6e6, 3.6e5, kind, "gpu_board"), FACTOR)
    assert grams.g == pytest.approx(360.0)
    assert grams.u_g == pytest.approx(36.0)
    assert grams.label == label_of(kind)
    assert grams.factor.source == "the grid operator"


def test_without_joules_there_are_no_grams_and_no_zero():
    grams = carbon(unavailable("gpu_board", "no driver"), FACTOR)
    assert (grams.g, grams.label, grams.reason) == (None, "unavailable", "no driver")


def test_an_unknown_country_is_refused_and_not_the_mean_of_the_world(monkeypatch):
    table = {"DEU": {"carbon_intensity": 380.95, "year": 2023}}
    monkeypatch.setattr(
        module, "_tables", lambda: SimpleNamespace(get_global_energy_mix_data=lambda: table)
    )
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "3.3")
    factor = country_factor("deu")
    assert (factor.g_per_kwh, factor.region, factor.year) == (380.95, "DEU", 2023)
    assert "codecarbon 3.3" in factor.source
    with pytest.raises(Unmetered, match="no carbon factor for 'XYZ'"):
        country_factor("XYZ")


def test_codecarbon_is_imported_when_asked_and_its_absence_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "codecarbon", None)
    monkeypatch.setitem(sys.modules, "codecarbon.input", None)
    with pytest.raises(Unmetered, match="not installed") as caught:
        country_factor("DEU")
    assert "adabench[carbon]" in caught.value.remedy


def test_the_installed_codecarbon_knows_countries():
    pytest.importorskip("codecarbon", reason="codecarbon (extra `carbon`) is not installed")
    factor = country_factor("FRA")
    assert 5 < factor.g_per_kwh < 200  # mostly nuclear
    assert factor.year is not None
