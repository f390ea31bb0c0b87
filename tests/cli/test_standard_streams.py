"""Streams that are closed, full or ASCII only, widths that are none, numbers that no option takes."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = shutil.which("adabench", path=str(Path(sys.executable).parent)) or "adabench"
ASCII = {"PYTHONIOENCODING": "", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "r"
    done = command("run", "roots", "--seeds", "0", "--out", folder, "--no-report")
    assert done.returncode == 0, done.stderr
    return folder


def shell(line: str, *words: object, env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Call the program by a line of a shell, in which `"$@"` is the call."""
    return subprocess.run(
        ["bash", "-c", line, "-", PROGRAM, *map(str, words)],
        env=env, capture_output=True, check=False,
    )  # fmt: skip


@pytest.mark.cold
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_stdout_is_said(
    run: Path, toy_env: dict[str, str], unbuffered: str
) -> None:
    env = toy_env | {"PYTHONUNBUFFERED": unbuffered}
    done = shell('"$@" >/dev/full', "claims", run, env=env)
    assert done.returncode == 3
    assert b"The output cannot be written: No space left on device." in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.cold
def test_a_closed_stdout_is_nobody_s_and_no_file_of_the_run_takes_its_place(
    run: Path, toy_env: dict[str, str], tmp_path: Path
) -> None:
    again = tmp_path / "again"
    words = ("run", "roots", "--seeds", "0", "--out", again, "--no-report")
    done = shell('"$@" >&-', *words, env=toy_env)
    assert done.returncode == 0, done.stderr
    for line in (again / "records.jsonl").read_bytes().splitlines():
        assert line.startswith(b'{"')
    assert shell('"$@" >&- 2>&- <&-', "claims", run, env=toy_env).returncode == 0


SPOKEN_ASCII = {"PYTHONIOENCODING": "ascii"}
VERBS = ("claims",), ("report", "--terminal"), ("explain",), ("compare", "BOTH")


@pytest.mark.cold
@pytest.mark.parametrize(
    ("words", "ascii_env"),
    [
        *(pytest.param(words, ASCII, id=words[0]) for words in VERBS),
        pytest.param(VERBS[1], SPOKEN_ASCII, id="report-named"),
        *(
            pytest.param(words, SPOKEN_ASCII, id=f"{words[0]}-named", marks=pytest.mark.thorough)
            for words in (VERBS[0], *VERBS[2:])
        ),
    ],
)
def test_an_ascii_terminal_gets_ascii(
    run: Path, toy_env: dict[str, str], words: tuple[str, ...], ascii_env: dict[str, str]
) -> None:
    own = [run if word == "BOTH" else word for word in words[1:]]
    done = shell('"$@"', words[0], run, *own, env=toy_env | ascii_env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode("ascii")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "columns", ["abc", "0", "-3", "\u00b2", "9" * 5000, ""], ids=lambda text: text[:3]
)
def test_a_width_that_is_none_is_not_taken(
    run: Path, toy_env: dict[str, str], command: Command, columns: str
) -> None:
    for words in (("claims", run), ("report", run, "--terminal"), ("list",), ("run", "--help")):
        done = command(*words, env=toy_env | {"COLUMNS": columns})
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--time-limit", "inf"), ("--time-limit", "nan"), ("--time-limit", "1e400"), ("--time-limit", "-1"),
        ("--max-time-per-case", "inf"), ("--warmup", "inf"), ("--warmup", "nan"), ("--frontier-tolerance", "nan"),
        ("--memory-limit", "inf"), ("--memory-limit", "nanGiB"), ("--race", "inf"), ("--target-ci", "nan"),
        ("--seeds", "99999999999999999999"), ("--seeds", "4294967296"), ("--seeds", "9" * 5000),
        ("--seeds", "0..9" + "9" * 50), ("--repeats", "9" * 50), ("--workers", "9" * 50),
        ("--seeds", "0..9998", "--repeats", "1000"),
    ],
    ids=lambda words: " ".join(words)[:30],
)  # fmt: skip
def test_a_number_that_makes_no_sense_is_refused_in_a_sentence(
    command: Command, toy_env: dict[str, str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = command("run", "roots", "--out", tmp_path / "r", "--no-report", *words, env=toy_env)
    assert done.returncode in (2, 3), done.stderr
    assert done.stderr
    assert not (tmp_path / "r").exists()


def test_a_plan_of_more_than_a_million_turns_asks_to_be_confirmed(
    command: Command, toy_env: dict[str, str], tmp_path: Path
) -> None:
    words = ("run", "roots", "--seeds", "0..9998", "--repeats", "1000", "--out", tmp_path / "r")
    done = command(*words, env=toy_env)
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert "runs" in done.stderr


def test_damage_is_logged_once_a_verb_and_what_is_intact_is_shown(
    run: Path, process: Command, toy_env: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(run, folder)
    lines = (folder / "records.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "records.jsonl").write_bytes(b"".join([*lines[:3], b"\0" + lines[3], *lines[4:]]))
    resume = ("run", "--resume", folder, "--no-report")
    for words in (("claims", folder), ("report", folder), ("compare", folder, run), resume):
        done = process(*words, env=toy_env)
        assert done.returncode in (0, 1), done.stderr
        assert done.stderr.count("WARNING: Line 4 of") == 1, done.stderr
        assert done.stderr.count("Line 4 of") == 1, done.stderr
        assert "adabench run --resume" in done.stderr
