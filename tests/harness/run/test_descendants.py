"""Processes below one, while they come and go."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adabench.harness.run.descendants import children, count, descendants

WAITS = "import sys; sys.stdin.read()"


@pytest.mark.cold
def test_children_are_listed_while_they_live() -> None:
    with subprocess.Popen([sys.executable, "-c", WAITS], stdin=subprocess.PIPE) as child:
        assert child.pid in children(os.getpid())
        assert child.pid in set(descendants(os.getpid()))
        assert count(os.getpid(), 0) == 1  # one more than was asked for, and no further
    assert child.pid not in children(os.getpid())


def test_a_process_that_ends_while_it_is_looked_at_has_no_children(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(path: Path, pattern: str) -> list[Path]:
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "glob", gone)
    assert children(os.getpid()) == []
