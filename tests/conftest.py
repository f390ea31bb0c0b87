"""Shared fixtures: the toy plug-in as if it had been installed, and versions in the header."""

import importlib.metadata
import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("adabench", deadline=None)  # a busy machine is no failure
settings.load_profile("adabench")

PLUGIN = Path(__file__).parent / "plugin"


def pytest_report_header() -> str:
    names = ("adabench", "numpy", "numba", "torch")
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


@pytest.fixture(scope="session")
def plugin_paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The paths that an installation of tests/plugin would add, metadata included."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    site = tmp_path_factory.mktemp("site")
    info = site / "adabench_toy-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: adabench-toy\nVersion: 0.1\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return [str(site), str(PLUGIN)]


@pytest.fixture
def toy(plugin_paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The plug-in, importable in this process."""
    for path in plugin_paths:
        monkeypatch.syspath_prepend(path)


@pytest.fixture
def toy_env(plugin_paths: list[str], tmp_path: Path) -> dict[str, str]:
    """An environment for child processes that see the plug-in."""
    extra = {"PYTHONPATH": os.pathsep.join(plugin_paths), "ADABENCH_CACHE": str(tmp_path / "cache")}
    return {**os.environ, **extra}
