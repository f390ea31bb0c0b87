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
