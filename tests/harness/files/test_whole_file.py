"""A file is there whole or not at all, and what a killed writer left is swept."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adabench.harness.files.whole_file import copy_whole, open_whole, sweep, write_whole

WRITER = """
import sys, time
from pathlib import Path
from adabench.harness.files.whole_file import open_whole
with open_whole(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(3600)
"""


def test_a_file_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"before")
    with open_whole(path) as file:
        file.write(b"after")
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert os.listdir(tmp_path) == ["f"]


def test_who_has_a_file_open_reads_it_whole_while_another_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"the one before")
    with path.open("rb") as file:
        write_whole(path, b"another")
        assert file.read() == b"the one before"
    assert path.read_bytes() == b"another"


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"before")
    with pytest.raises(ValueError, match="no"), open_whole(path) as file:
        file.write(b"half")
        raise ValueError("no")
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["f"]


def test_what_a_killed_writer_left_is_swept_and_a_living_one_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    write_whole(path, b"before")
    with subprocess.Popen(
        [sys.executable, "-P", "-c", WRITER, str(path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        sweep(tmp_path)
        assert len(os.listdir(tmp_path)) == 2
        writer.send_signal(signal.SIGKILL)
    sweep(tmp_path)
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_bytes() == b"before"


def test_a_folder_that_is_not_there_is_swept_in_silence(tmp_path: Path) -> None:
    sweep(tmp_path / "nowhere")


@pytest.fixture
def made(tmp_path: Path) -> list[Path]:
    """Weights and a card that were just made, and what they are to replace in `to`."""
    for folder, content in (("from", b"new"), ("to", b"old")):
        (tmp_path / folder).mkdir()
        for name in ("weights", "card"):
            (tmp_path / folder / name).write_bytes(content)
    return [tmp_path / "from" / name for name in ("weights", "card")]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_are_copied_in_their_order_and_never_stand_beside_another_s_last(
    made: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, bytes]] = []
    replace = Path.replace

    def watched(path: Path, target: Path) -> Path:
        seen.append(
            {n: c for n, c in contents(tmp_path / "to").items() if n in ("weights", "card")}
        )
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", watched)
    copy_whole(made, tmp_path / "to")
    assert seen == [{"weights": b"old"}, {"weights": b"new"}]
    assert contents(tmp_path / "to") == {"weights": b"new", "card": b"new"}
    seen.clear()
    copy_whole(made, tmp_path / "to")  # the same again: nothing is absent for a moment
    assert seen == [{"weights": b"new", "card": b"new"}] * 2


def test_a_copy_that_fails_leaves_all_as_it_was(made: list[Path], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        copy_whole([*made[:1], tmp_path / "nowhere", *made[1:]], tmp_path / "to")
    assert contents(tmp_path / "to") == {"weights": b"old", "card": b"old"}
