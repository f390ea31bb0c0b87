"""Cores that one process has alone: claimed once, freed by death, first threads first."""

import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from adabench.harness.distributed import core_locks
from adabench.harness.errors import EnvironmentProblem
from adabench.profilers.hardware.host import HERE

pytestmark = pytest.mark.cold

HOLDER = """
import sys, time
from adabench.harness.distributed.core_locks import claim
print(claim("core", [0, 1], int(sys.argv[1]), 0.0), flush=True)
time.sleep(3600)
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def holder(count: int) -> "tuple[subprocess.Popen[str], str]":
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", HOLDER, str(count)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        return process, process.stdout.readline().strip()


def test_what_one_process_has_no_other_gets_until_it_is_killed():
    process, held = holder(1)
    assert held == "[0]"
    other, rest = holder(1)
    assert rest == "[1]"
    with pytest.raises(EnvironmentProblem, match="other runs hold them"):
        core_locks.claim("core", [0, 1], 1, 0.0)
    for one in (process, other):
        os.kill(one.pid, signal.SIGKILL)
        one.wait()
    assert core_locks.claim("core", [0, 1], 2, 5.0) == [0, 1]


def test_a_claim_that_cannot_be_met_holds_nothing():
    process, held = holder(1)
    assert held == "[0]"
    with pytest.raises(EnvironmentProblem):
        core_locks.claim("core", [1, 0], 2, 0.0)
    other, rest = holder(1)
    assert rest == "[1]"
    for one in (process, other):
        one.kill()
        one.wait()


def test_more_than_there_are_is_refused_at_once():
    with pytest.raises(EnvironmentProblem, match="this machine has 2"):
        core_locks.claim("core", [0, 1], 3)


def test_second_threads_of_a_core_come_last():
    siblings = {0: "0,4", 4: "0,4", 1: "1,5", 5: "1,5"}

    def read(path: str) -> str:
        return siblings[int(path.split("/cpu")[2].split("/")[0])] + "\n"

    machine = replace(HERE, read=read)
    assert core_locks.spread_out([0, 1, 4, 5], machine) == [0, 1, 4, 5]
    assert core_locks.spread_out([0, 4, 5, 1], machine) == [0, 1, 4, 5]


def test_cores_without_a_known_topology_keep_their_order():
    def read(path: str) -> str:
        raise OSError(path)

    assert core_locks.spread_out([2, 0, 1], replace(HERE, read=read)) == [0, 1, 2]
