"""A wait ends with what is waited for, with the process that does it, or after so many looks."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.suite import waits

HOLDS = "import pathlib, sys; pathlib.Path(sys.argv[1]).touch(); sys.stdin.read()"
ENDS = "print('nothing to do'); raise SystemExit(7)"


def start(code: str, *words: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-S", "-P", "-c", code, *map(str, words)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_what_happens_ends_the_wait_and_the_process_goes_on(tmp_path: Path) -> None:
    with start(HOLDS, tmp_path / "there") as process:
        waits.wait_until((tmp_path / "there").exists, process)
        assert process.poll() is None


def test_the_end_of_the_process_ends_the_wait_with_what_it_said() -> None:
    with start(ENDS) as process, pytest.raises(AssertionError, match=r"with 7\s+nothing to do"):
        waits.wait_until(lambda: False, process)
    assert not waits.has_happened(lambda: False, process)
    assert waits.has_happened(lambda: True, process)


def test_the_end_of_a_process_that_nobody_buries_is_seen(tmp_path: Path) -> None:
    with start(HOLDS, tmp_path / "there") as process:
        other = waits.OtherProcess(process.pid)
        process.kill()
        other.wait_for_end()
    other.wait_for_end()
    waits.OtherProcess(process.pid).wait_for_end()


def test_so_many_looks_end_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "MOST_LOOKS", 3)
    with start(HOLDS, tmp_path / "there") as process:
        with pytest.raises(AssertionError, match="3 looks"):
            waits.wait_until(lambda: False, process)
        assert process.poll() is None
