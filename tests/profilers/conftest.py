"""The fakes as a fixture: test folders are no packages, so nothing in them can be imported."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def fakes():
    path = Path(__file__).with_name("fakes.py")
    spec = importlib.util.spec_from_file_location("adabench_fakes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def board(fakes):
    """A maker of boards: their clock, their driver, and their energy counter."""
    from adabench.profilers.energy.nvml_meters import NvmlCounter

    def make(**options):
        pace = fakes.FakePace()
        nvml = fakes.FakeNVML(pace, **options)
        return pace, nvml, NvmlCounter("GPU-1", nvml)

    return make
