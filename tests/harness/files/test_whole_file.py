"""A file is there whole or not at all, and what a killed writer left is swept."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adabench.harness.files.whole_file import open_whole, sweep, write_whole

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
