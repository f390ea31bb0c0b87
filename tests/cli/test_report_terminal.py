"""`adabench report --terminal`: fronts drawn with characters."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.program import adabench

pytestmark = pytest.mark.usefixtures("here")


def test_a_front_is_drawn_and_no_page_is_written(env: dict[str, str], run: Path) -> None:
    done = adabench("report", run, "--terminal", env={**env, "COLUMNS": "70"})
    assert done.returncode == 0, done.stderr
    assert "residual" in done.stdout
    assert "\x1b[" not in done.stdout
    assert not (run / "report.html").exists()
    assert max(map(len, done.stdout.splitlines())) <= 70


def test_a_terminal_without_utf8_is_served(
    process: Callable[..., subprocess.CompletedProcess[str]], env: dict[str, str], run: Path
) -> None:
    plain = {**env, "PYTHONIOENCODING": "ascii", "COLUMNS": "70", "PYTHONUTF8": "0"}
    done = process("report", run, "--terminal", env=plain)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "residual" in done.stdout


def test_the_lines_that_a_run_ended_with_are_printed_again(env: dict[str, str], run: Path) -> None:
    done = adabench("report", run, "--brief", env={**env, "COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) <= 30
    assert "on the frontier: " in done.stdout
    assert f"adabench claims {run}" in " ".join(done.stdout.split())
    assert not (run / "report.html").exists()
