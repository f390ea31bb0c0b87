"""`adabench check` from the outside."""

import json
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.program import adabench

pytestmark = pytest.mark.usefixtures("here")


def test_check_passes_sound_plug_ins(toy_env: dict[str, str]) -> None:
    done = adabench("check", "roots", "--json", env=toy_env)
    found = json.loads(done.stdout)
    assert [f for f in found if f["problem"] and not f["skipped"]] == []
    assert {f["address"] for f in found} >= {"roots", "roots/residual", "roots/hindsight"}
    assert done.returncode == 0


def test_check_finds_what_a_method_does_wrong(
    process: Callable[..., subprocess.CompletedProcess[str]],
    toy_env: dict[str, str],
    tmp_path: Path,
) -> None:
    info = tmp_path / "bad-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[adabench.methods]\nroots/bad = bad_method\n")
    (tmp_path / "bad_method.py").write_text(
        textwrap.dedent("""
            from adabench.harness.contract.card import Card, Claim, Knob, Ratio
            CARD = Card(title="bad", knobs=(Knob("spread", (1,), 2),), claims=(
                Claim("X", "", "own", "", None, Ratio("stpes", "fixd", high=1.0)),))
            SEEN = []
            def solve(task, case, point):
                SEEN.append(case)
                return task.step(case, 1.0 if len(SEEN) % 2 else 2.0)
        """)
    )
    env = {**toy_env, "PYTHONPATH": f"{toy_env['PYTHONPATH']}:{tmp_path}"}
    done = process("check", "roots/bad", env=env)
    assert done.returncode == 4
    for broken in ("adapts=", "twice", "not in its sweep", "stpes", "fixd"):
        assert broken in done.stdout
