"""`adabench run --energy`: grams of CO2 equivalent with their factor."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from adabench.cli.carbon import CarbonOutput, carbon_output
from adabench.harness.errors import NoInstrument
from adabench.profilers.energy import carbon
from adabench.profilers.nvml import Unmetered

Command = Callable[..., CompletedProcess[str]]
WORDS = ("run", "roots/fixed", "--no-sweep", "--seeds", "0", "--no-report", "--energy")


def test_the_document_has_grams_with_their_factor(
    command: Command, toy_env: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("codecarbon", reason="codecarbon (extra `carbon`) is not installed")
    out = tmp_path / "r"
    done = command(*WORDS, "--region", "deu", "--json", "--out", out, env=toy_env)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["carbon"]["region"] == "DEU"
    assert found["carbon"]["g_per_kwh"] > 0
    assert "codecarbon" in found["carbon"]["source"]
    energies = {name for row in found["summary"] for name in row["metrics"] if "energy" in name}
    assert {row["energy"] for row in found["carbon"]["rows"]} <= energies
    shown = command("run", "--resume", out, "--energy", "--no-report", env=toy_env)
    assert "world" in shown.stdout or "no gCO2e: no method has a valid energy" in shown.stderr


def test_an_unknown_region_is_refused_before_anything_runs(
    command: Command, toy_env: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("codecarbon", reason="codecarbon (extra `carbon`) is not installed")
    done = command(*WORDS, "--region", "XX", "--out", tmp_path / "r", env=toy_env)
    assert done.returncode == 3
    assert "no carbon factor for 'XX'" in done.stderr
    assert not (tmp_path / "r").exists()


def test_without_tables_a_run_goes_on_and_a_region_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_tables() -> None:
        raise Unmetered("codecarbon is not installed.", "pip install 'adabench[carbon]'")

    monkeypatch.setattr(carbon, "_tables", no_tables)
    assert carbon_output(None, energy=False) == CarbonOutput()
    assert capsys.readouterr().err == ""
    assert carbon_output(None, energy=True) == CarbonOutput()
    assert "no gCO2e: codecarbon is not installed. pip install" in capsys.readouterr().err
    with pytest.raises(NoInstrument, match="not installed"):
        carbon_output("DEU", energy=True)
