"""What the active-search tests share: all methods."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from adabench.workloads.algorithms.active_search import task as active_search

FOLDER = Path(active_search.__file__).parent
NAMES = sorted(
    path.stem
    for path in FOLDER.glob("*.py")
    if path.stem not in ("task", "dropped_by_a_test") and "\nCARD = Card(" in path.read_text()
)


@pytest.fixture(scope="session")
def methods() -> dict[str, ModuleType]:
    """Every method of the folder, by name."""
    return {
        name: importlib.import_module(f"adabench.workloads.active_search.{name}") for name in NAMES
    }
