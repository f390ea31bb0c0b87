"""Groups run at the same time and share nothing that one of them takes away at its end."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.suite.groups import Group
from tests.suite.runner import environment
from tests.suite.session_cache import scratch_place
from tests.suite.warm_session import COLD

TESTS = "def test_it(tmp_path):\n    print(tmp_path)\n"


def test_sessions_of_groups_have_temporary_folders_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    for name in ("a", "b"):
        place = tmp_path / name
        place.mkdir()
        environ = environment(Group("cli", (), 0.0), {"PYTHONPATH": "no/folder"}, place)
        words = [
            sys.executable,
            "-P",
            "-m",
            "pytest",
            "-sq",
            "-p",
            "no:cacheprovider",
            "test_it.py",
        ]
        output = subprocess.run(
            words, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
        ).stdout
        assert f"{place}/pytest-of-" in output
        assert "PYTHONPATH" not in environ


def test_what_a_session_takes_away_lies_in_memory_that_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(COLD, raising=False)
    assert scratch_place(tmp_path, least_free=0) == str(tmp_path)
    assert scratch_place(tmp_path, least_free=1 << 80) is None
    assert scratch_place(tmp_path / "no system has it", least_free=0) is None
    monkeypatch.setenv(COLD, "1")
    assert scratch_place(tmp_path, least_free=0) is None
