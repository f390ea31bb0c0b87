"""Temporary folders go with their owners, at the latest with the next start."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adabench.harness.files import scratch_folder as scratch

OWNER = """
import subprocess, sys, time
from adabench.harness.files.scratch_folder import scratch_folder
with scratch_folder("gate") as folder:
    if len(sys.argv) > 1:
        subprocess.run(["git", "-C", sys.argv[1], "worktree", "add", "-q", "--detach",
                        str(folder / "base"), "HEAD"], check=True)
    (folder / "big").write_bytes(bytes(1000))
    print(folder, flush=True)
    time.sleep(3600)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return scratch.place()


def owner(*words: str) -> tuple["subprocess.Popen[str]", Path]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", OWNER, *words], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def end(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_folder_is_gone_at_the_end_whatever_happens(place: Path) -> None:
    with pytest.raises(ValueError, match="no"), scratch.scratch_folder("x") as folder:
        (folder / "a").touch()
        raise ValueError("no")
    assert os.listdir(place) == []


def test_the_next_start_sweeps_what_a_killed_owner_left_and_no_living_one_s(place: Path) -> None:
    dead, left = owner()
    living, held = owner()
    try:
        end(dead)
        assert (left / "big").exists()
        with scratch.scratch_folder("x") as folder:
            assert not left.exists()
            assert (held / "big").exists()
            assert folder.exists()
    finally:
        end(living)
    scratch.sweep()
    assert os.listdir(place) == []


def test_a_swept_worktree_is_forgotten_by_its_repository(place: Path, tmp_path: Path) -> None:
    root = tmp_path / "repository"
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), (*who, "commit", "-q", "--allow-empty", "-m", "one")):
        root.mkdir(exist_ok=True)
        subprocess.run(["git", *words], cwd=root, check=True)
    process, folder = owner(str(root))
    end(process)
    assert (root / ".git" / "worktrees" / "base").is_dir()
    scratch.sweep()
    assert not folder.exists()
    assert list((root / ".git" / "worktrees").glob("*")) == []
    said = subprocess.run(
        ["git", "worktree", "list"], cwd=root, check=True, capture_output=True, text=True
    )
    assert len(said.stdout.splitlines()) == 1


def test_a_link_to_what_is_no_worktree_is_not_followed(place: Path, tmp_path: Path) -> None:
    precious = tmp_path / "worktrees" / "precious"
    precious.mkdir(parents=True)
    (precious / "gitdir").write_text("/elsewhere/.git\n")
    with scratch.scratch_folder("x") as folder:
        (folder / "base").mkdir()
        (folder / "base" / ".git").write_text(f"gitdir: {precious}\n")
    assert precious.is_dir()
