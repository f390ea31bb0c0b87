"""`adabench explain` from the outside."""

from pathlib import Path

import pytest

from tests.cli.program import adabench

pytestmark = pytest.mark.usefixtures("here")


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
