"""The import linter reads the regular package and keeps its contracts: upward imports are seen."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

READS = ("<all files>",)
"""For tests/suite/dependencies.py."""

ROOT = Path(__file__).parents[2]
FOLDERS = ("cli", "harness", "workloads", "profilers", "kernels", "reports")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A copy of the product's sources, laid out as it is installed."""
    pytest.importorskip("importlinter")
    for name in FOLDERS:
        for path in (ROOT / name).rglob("*.py"):
            copy = tmp_path / "adabench" / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    (tmp_path / "adabench" / "__init__.py").touch()
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def lint(root: Path) -> tuple[int, str]:
    """What the linter says of a copy, on one long line."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    environment = {**os.environ, "PYTHONPATH": str(root), "COLUMNS": "300", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True,
                          check=False)  # fmt: skip
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("place", "text", "contract", "guidance"),
    [
        ("kernels/planted.py", "import adabench.cli.main\n", "one direction", "Imports point down"),
        ("harness/planted.py", "import adabench.reports.figures.style\n", "one direction",
         "Imports point down"),
        ("harness/stats/planted.py", "import adabench.harness.gate.judge\n",
         "harness reads downward", "lower room"),
        ("reports/tables/planted.py", "import adabench.reports.site.pages\n",
         "reports reads downward", "lower room"),
        ("workloads/test_time/planted/task.py",
         "import adabench.workloads.algorithms.mip.task\n", "families do not know each other",
         "workloads/shared/"),
        ("profilers/planted.py", "import pandas\n", "light core", "Import it in reports"),
        ("workloads/algorithms/paging/substrate/planted.py",
         "import adabench.workloads.algorithms.mip.task\n", "tasks do not know each other",
         "Move what both tasks need"),
    ],
)  # fmt: skip
def test_a_planted_import_breaks_its_contract(
    scratch: Path, place: str, text: str, contract: str, guidance: str
) -> None:
    path = scratch / "adabench" / place
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    code, said = lint(scratch)
    assert code == 1
    assert f"{contract} BROKEN" in said
    assert guidance in said
    assert "planted" in said


def test_a_planted_cycle_is_seen(scratch: Path) -> None:
    here = scratch / "adabench" / "harness" / "stats"
    (here / "planted.py").write_text("import adabench.harness.stats.planted_too\n")
    (here / "planted_too.py").write_text("import adabench.harness.stats.planted\n")
    code, said = lint(scratch)
    assert code == 1
    assert "no cycles BROKEN" in said
    assert ".planted" in said
