"""What a test left changed in its process is named, and put back."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.suite import leaks


def set_name(folder: Path) -> None:
    os.environ["ADABENCH_LEFT"] = "1"


def change_name(folder: Path) -> None:
    os.environ["HOME"] = "/nowhere"


def take_name(folder: Path) -> None:
    del os.environ["HOME"]


def go_elsewhere(folder: Path) -> None:
    os.chdir(folder)


def extend_path(folder: Path) -> None:
    sys.path.append(str(folder))


def replace_path(folder: Path) -> None:
    sys.path = [*sys.path, str(folder)]


def ignore_end(folder: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def mask_all(folder: Path) -> None:
    os.umask(0o077)


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Iterator[leaks.Surroundings]:
    monkeypatch.setenv("HOME", "/home/us")
    found = leaks.look()
    yield found
    found.put_back()


@pytest.mark.parametrize(
    ("leak", "says"),
    [
        (set_name, "ADABENCH_LEFT"), (change_name, "HOME"), (take_name, "HOME"),
        (go_elsewhere, "working directory"), (extend_path, "sys.path"), (replace_path, "sys.path"),
        (ignore_end, "SIGTERM"), (mask_all, "umask"),
    ],
)  # fmt: skip
def test_a_leak_is_named_and_put_back(
    before: leaks.Surroundings, tmp_path: Path, leak: Callable[[Path], None], says: str
) -> None:
    leak(tmp_path)
    (found,) = before.changes(leaks.look())
    assert says in found
    before.put_back()
    assert leaks.look() == before
    assert before.changes(leaks.look()) == []


def test_every_test_is_looked_at_and_fails_for_its_leak(request: pytest.FixtureRequest) -> None:
    assert "surroundings" in request.fixturenames
    with leaks.unchanged():
        pass
    says = r"'ADABENCH_LEFT'. was None and is b'1'"
    with pytest.raises(pytest.fail.Exception, match=says), leaks.unchanged():
        os.environ["ADABENCH_LEFT"] = "1"
    assert "ADABENCH_LEFT" not in os.environ
