"""`adabench check` from the outside."""

import json
import os
import shutil
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


def test_gates_are_not_measured_where_none_are_declared(toy_env: dict[str, str]) -> None:
    done = adabench("check", "roots", "--gates", env=toy_env)
    assert done.returncode == 2
    assert "nothing that is selected has gates" in done.stderr


def test_gates_are_measured_once_printed_ever_after_and_refused_when_stale(
    process: Callable[..., subprocess.CompletedProcess[str]],
    toy_env: dict[str, str],
    tmp_path: Path,
) -> None:
    package = tmp_path / "adabench_toy"
    shutil.copytree(Path(__file__).parents[1] / "plugin" / "adabench_toy", package)
    task = package / "task.py"
    declared = 'gates=(Gates("fixed", seeds=2, without={"failures": "there is one kind"}),),'
    text = task.read_text().replace("import Card,", "import Card, Gates,")
    task.write_text(text.replace("    knobs=(", f"    {declared}\n    knobs=(", 1))
    env = {**toy_env, "PYTHONPATH": os.pathsep.join([str(tmp_path), toy_env["PYTHONPATH"]])}
    measured = process("check", "roots", "--gates", env=env)
    assert "gate room (hindsight)" in measured.stdout
    assert "does not apply: there is one kind" in measured.stdout
    found = json.loads(process("check", "roots", "--json", env=env).stdout)
    figures = {row["rule"]: row["gate"]["figure"] for row in found if "gate" in row}
    assert figures["gate room (hindsight)"] > 0
    assert figures["gate failures"] is None
    task.write_text(task.read_text().replace("seeds=2", "seeds=3"))
    stale = process("check", "roots", env=env)
    assert stale.returncode == 4
    assert "adabench check roots --gates measures them anew" in stale.stdout
