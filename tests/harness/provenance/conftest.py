"""A plug-in of one's own: a package with helpers, a second module beside it, and no other's code."""

import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

FILES = {
    "dice/__init__.py": "SIDES = 6\n",
    "dice/task.py": (
        "from adabench.harness.contract.card import Card, Metric\n"
        'CARD = Card(title="dice", metrics=(Metric("n", "1", "lower", "work", primary=True),))\n'
    ),
    "dice/fair.py": (
        "import numpy\nfrom adabench.harness.contract.card import Card\nfrom .rolls import one\n"
        'CARD = Card(title="fair", role="static")\n'
    ),
    "dice/loaded.py": (
        "from adabench.harness.contract.card import Card\n"
        'CARD = Card(title="loaded", role="static")\n\n\n'
        "def solve(task, case, point):\n    import dice_tables\n    return dice_tables.HIGH\n"
    ),
    "dice/rolls.py": "from dice.parts import coins\n\n\ndef one():\n    return coins.toss()\n",
    "dice/parts/coins.py": "def toss():\n    return 4\n",
    "dice/notes.py": "WORDS = 1\n",
    "dice_tables.py": "HIGH = 6\n",
}
ROOTS = [
    f"adabench.{folder}"
    for folder in ("cli", "harness", "kernels", "profilers", "reports", "workloads")
]
POINTS = (
    "[adabench.tasks]\ndice = dice.task\n"
    "[adabench.methods]\ndice/fair = dice.fair\ndice/loaded = dice.loaded\n"
)


@pytest.fixture(scope="session")
def graph() -> grimp.ImportGraph:
    """Who imports whom, as import-linter sees it: one root a folder."""
    return grimp.build_graph(*ROOTS, exclude_type_checking_imports=True, cache_dir=None)


@pytest.fixture
def dice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder where the plug-in is installed."""
    info = tmp_path / "dice-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dice\nVersion: 1\n")
    (info / "entry_points.txt").write_text(POINTS)
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in FILES))
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] in ("dice", "dice_tables")]:
        del sys.modules[name]
