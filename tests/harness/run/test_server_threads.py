"""A thread that a task's `warm()` leaves behind could hang each method that is forked from it."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from adabench.harness.run.guards import server_threads
from adabench.harness.store import run_folder

pytestmark = pytest.mark.cold

TASK = """\
import _thread, threading
from dataclasses import dataclass, field
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.protocols import Meter

CARD = Card(title="warms", metrics=(Metric("steps", "steps", "lower", "work", primary=True),
                                    Metric("right", "share", "higher", "quality", primary=True)))
LOCK = threading.Lock()

def hold():
    with LOCK:
        threading.Event().wait()

@dataclass
class Warms:
    meter: Meter = field(default_factory=Meter)

    def warm(self):
        {warm}

    def cases(self):
        return (1, 2)

    def substrate(self):
        return self

    def step(self):
        with LOCK:
            self.meter["steps"] += 1

    def score(self, case, answer):
        return {{"right": 1.0}}

def load(scale, seed):
    return Warms()
"""
METHOD = """\
from adabench.harness.contract.card import Card
CARD = Card(title="waits", role="static")

def solve(task, case, point):
    task.step()
    return case
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_warm(
    command: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run a task whose `warm` is given, with two methods."""
    info = tmp_path / "warms-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: warms\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(
        "[adabench.tasks]\nwarms = warms_task\n"
        "[adabench.methods]\nwarms/one = warms_one\nwarms/two = warms_two\n"
    )
    for name in ("one", "two"):
        (tmp_path / f"warms_{name}.py").write_text(METHOD)
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(warm: str, first: str = "") -> subprocess.CompletedProcess[str]:
        (tmp_path / "warms_task.py").write_text(first + TASK.format(warm=warm))
        monkeypatch.delitem(sys.modules, "warms_task", raising=False)
        return command("run", "warms/*", "--seeds", "0,1", "--no-report", "--out", tmp_path / "r")

    return run


@pytest.mark.parametrize(
    ("warm", "name"),
    [
        ("threading.Thread(target=hold, name='pool-7', daemon=True).start()", "pool-7"),
        ("_thread.start_new_thread(hold, ())", "of a library"),
    ],
)
@pytest.mark.skipif(not server_threads.TASKS.exists(), reason="the kernel lists no threads")
def test_a_task_that_leaves_a_thread_behind_fails_with_a_sentence(
    run_warm: Run, tmp_path: Path, warm: str, name: str
) -> None:
    done = run_warm(warm)
    assert done.returncode == 1
    found = run_folder.records(tmp_path / "r")
    assert {record.status for record in found} == {"error"}
    assert {(r.cell.method, r.cell.seed) for r in found} == {
        (method, seed) for method in ("one", "two") for seed in (0, 1)
    }
    for record in found:  # also when the same server is asked again
        assert "warms: warm() may not start threads" in record.note
        assert name in record.note
    assert "4 records are error: warms/one, warms/two" in done.stderr


def test_a_thread_that_was_joined_is_no_thread_left_behind(run_warm: Run, tmp_path: Path) -> None:
    done = run_warm("t = threading.Thread(target=int); t.start(); t.join()")
    assert done.returncode == 0, done.stderr
    assert {r.status for r in run_folder.records(tmp_path / "r")} == {"ok"}


def test_the_threads_of_blas_that_a_torch_library_imports_late_are_known(
    run_warm: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    done = run_warm("__import__('scipy.linalg')", "import torch\n")
    assert done.returncode == 0, done.stderr
    assert {r.status for r in run_folder.records(tmp_path / "r")} == {"ok"}


def test_threads_are_named_and_those_before_are_left_out() -> None:
    before = server_threads.living().keys()
    over = threading.Event()
    thread = threading.Thread(target=over.wait, name="late")
    thread.start()
    try:
        assert "late" in server_threads.started_since(before).values()
        assert server_threads.started_since(server_threads.living().keys()) == {}
    finally:
        over.set()
        thread.join()
