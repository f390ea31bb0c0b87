"""`adabench merge` from the outside: shards become their run, and mixed ones are refused."""

import json
from pathlib import Path

import pytest

from adabench.harness.distributed.merge import counts_of
from adabench.harness.store import run_folder
from tests.cli.program import adabench

WORK = ("roots/fixed", "roots/residual", "--alone", "--no-report", "--json")


@pytest.fixture
def env(toy_env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Core claims of this test alone."""
    (tmp_path / "tmp").mkdir()
    return {**toy_env, "TMPDIR": str(tmp_path / "tmp")}


pytestmark = pytest.mark.usefixtures("here")


def facts(folder: Path) -> list[object]:
    return [(r.unit, r.status, r.group, counts_of(r)) for r in run_folder.records(folder)]


def test_merging_shards_gives_the_run_and_mixed_ones_are_refused(
    env: dict[str, str], tmp_path: Path
):
    for name, seeds in (("a", "0..1"), ("b", "0")):
        adabench("run", *WORK, "--seeds", seeds, "--out", tmp_path / name, "--workers", 2, env=env)
    shards = sorted((tmp_path / "a" / "shards").iterdir())
    done = adabench("merge", *shards, "--out", tmp_path / "m", "--json", env=env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "run": str(tmp_path / "m"), "records": 216, "added": 216, "collapsed": 0,
        "differing": 0, "unfinished": 0,
    }  # fmt: skip
    assert facts(tmp_path / "m") == facts(tmp_path / "a")
    done = adabench("claims", tmp_path / "m", "--json", env=env)
    assert done.returncode == 0
    mixed = adabench("merge", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "n", env=env)
    assert mixed.returncode == 3
    assert "differ in plan" in mixed.stderr
    assert not (tmp_path / "n").exists()
