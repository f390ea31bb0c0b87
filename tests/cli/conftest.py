"""What tests of the command line share: an environment with the toy task, and a run of it."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import PROGRAM


@pytest.fixture(scope="module")
def env(plugin_paths: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The toy task, and a cache of the module's own."""
    cache = tmp_path_factory.mktemp("cache")
    extra = {"PYTHONPATH": os.pathsep.join(plugin_paths), "ADABENCH_CACHE": str(cache)}
    return {**os.environ, **extra}


@pytest.fixture(scope="module")
def run(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A counted run of the toy task."""
    folder = tmp_path_factory.mktemp("runs") / "r"
    words = ["run", "roots", "--counts", "--out", str(folder), "--no-report"]
    subprocess.run([PROGRAM, *words], env=env, check=True, capture_output=True)
    return folder
