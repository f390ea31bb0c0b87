"""`adabench explain` from the outside."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("adabench"))


@pytest.fixture(scope="module")
def env(plugin_paths: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cache = tmp_path_factory.mktemp("cache")
    extra = {"PYTHONPATH": os.pathsep.join(plugin_paths), "ADABENCH_CACHE": str(cache)}
    return {**os.environ, **extra}


@pytest.fixture(scope="module")
def run(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "r"
    words = ["run", "roots", "--counts", "--out", str(folder), "--no-report"]
    subprocess.run([PROGRAM, *words], env=env, check=True, capture_output=True)
    return folder


pytestmark = pytest.mark.usefixtures("here")


def adabench(*words: object, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    raise NotImplementedError("the fixture here")


def test_explain_speaks_to_people_and_programs(env: dict[str, str], run: Path) -> None:
    done = adabench("explain", run, "gap/roots/residual", env=env)
    assert done.returncode == 0, done.stderr
    for word in (
        "Samples",
        "Meter",
        "Formula (harness/analysis/oracle_gap.py)",
        "gap closed = lead",
        "Interval",
    ):
        assert word in done.stdout
    wrong = adabench("explain", run, "gap/roots/residuum", env=env)
    assert (wrong.returncode, "residual" in wrong.stderr) == (2, True)
    listed = adabench("explain", run, "--list", env=env)
    assert "claim/T-1 = " in listed.stdout
    assert adabench("explain", run, "123456.789", env=env).returncode == 2
