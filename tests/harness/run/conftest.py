"""What tests of execution share: a plug-in method of their own making."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

HEAD = """\
from adabench.harness.contract.card import Card
CARD = Card(title="bad", role="static")
"""
Write = Callable[..., None]


@pytest.fixture
def write_bad(toy: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write the plug-in method roots/bad, in a module that no process has imported."""
    info = tmp_path / "bad-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[adabench.methods]\nroots/bad = bad_method\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("ADABENCH_OPEN", str(tmp_path))

    def write(body: str, *, above: str = "") -> None:
        solve = "def solve(task, case, point):\n" + textwrap.indent(body, "    ")
        (tmp_path / "bad_method.py").write_text(HEAD + above + solve)

    return write
