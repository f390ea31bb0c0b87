"""A run that is ended by a signal in the middle of a solve: intact, and nobody's error."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.run.descendants import descendants
from adabench.harness.store import run_folder
from tests.suite.waits import OtherProcess, wait_until

pytestmark = pytest.mark.cold

HOLDS = """
import pathlib, time
from adabench.harness.contract.card import Card

CARD = Card(title="holds", role="static")


def solve(task, case, point):
    if case.group == "far":
        pathlib.Path({flag!r}).touch()
        time.sleep(3600)
    return task.step(case, 1.0)
"""
PROGRAM = """
import signal  # what a shell started in the background ignores interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from adabench.cli.main import main
main()
"""
SIGNALS = [
    ((signal.SIGTERM,), 143), ((signal.SIGINT,), 130), ((signal.SIGINT, signal.SIGINT), 130),
    ((signal.SIGHUP,), 129),
]  # fmt: skip
WAYS = ((), ("--workers", "2"), ("--time-limit", "600"))


def ends() -> Iterator[Any]:
    """Yield every signal to a run as it is, and half of them to each other kind of run; the rest is thorough."""
    for place, ((numbers, code), (way, more)) in enumerate(product(SIGNALS, enumerate(WAYS))):
        few = way == 0 or (place // len(WAYS) + way) % 2 == 0
        name = "-".join([*(number.name for number in numbers), *more])
        marks = () if few else pytest.mark.thorough
        yield pytest.param(numbers, code, more, id=name, marks=marks)


@pytest.fixture
def environ(toy_env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """An environment with a method that holds in a solve, once it has made a file."""
    info = tmp_path / "holds-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: holds\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[adabench.methods]\nroots/holds = holds_in_solve\n")
    (tmp_path / "holds_in_solve.py").write_text(HOLDS.format(flag=str(tmp_path / "flag")))
    path = os.pathsep.join([toy_env["PYTHONPATH"], str(tmp_path)])
    return {**toy_env, "PYTHONPATH": path, "ADABENCH_OPEN": str(tmp_path)}


@pytest.mark.parametrize(("numbers", "code", "more"), list(ends()))
def test_a_signal_ends_a_run_and_leaves_it_intact(
    environ: dict[str, str], tmp_path: Path, numbers: tuple[signal.Signals, ...], code: int,
    more: tuple[str, ...],
) -> None:  # fmt: skip
    words = [sys.executable, "-P", "-c", PROGRAM, "run", "roots/fixed", "roots/holds",
             "--no-sweep", "--seeds", "0", "--no-report", "--out", str(tmp_path / "run"), *more]  # fmt: skip
    process = subprocess.Popen(
        words, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    wait_until((tmp_path / "flag").exists, process)
    below = [OtherProcess(pid) for pid in descendants(process.pid)]
    assert below
    for number in numbers:
        process.send_signal(number)
    _, talk = process.communicate(timeout=600)
    assert process.returncode == code, talk.decode()
    assert f"adabench run --resume {tmp_path / 'run'}" in talk.decode()
    assert all(record.status == "ok" for record in run_folder.records(tmp_path / "run"))
    with run_folder.resume(tmp_path / "run") as run:
        assert "holds" in {turn.cell.method for turn in run.remaining}
    for one in below:
        one.wait_for_end()
