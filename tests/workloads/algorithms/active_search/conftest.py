"""What the active-search tests share: all methods."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from adabench.harness.contract import registry
from adabench.workloads.algorithms.active_search import task as active_search

FOLDER = Path(active_search.__file__).parent
NAMES = [path.stem for path in registry.method_files(FOLDER) if path.stem != "dropped_by_a_test"]


@pytest.fixture(scope="session")
def methods() -> dict[str, ModuleType]:
    """Every method of the folder, by name."""
    return {
        name: importlib.import_module(registry.find(f"active_search/{name}").module)
        for name in NAMES
    }
