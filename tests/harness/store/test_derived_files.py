"""Derived copies count only where this user wrote them, for what they were made of, unchanged."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.store import derived_files

MADE_OF = {"records": "abc"}
ARRAYS = (np.arange(5.0), np.arange(3, dtype=np.int8))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    path = tmp_path / "run" / "x.cache"
    path.parent.mkdir()
    derived_files.save(path, MADE_OF, {"word": "é"}, ARRAYS)
    return path


def test_a_copy_comes_back_as_it_was(copy: Path) -> None:
    found = derived_files.load(copy, MADE_OF)
    assert found is not None
    assert found[0]["word"] == "é"
    for one, other in zip(found[1], ARRAYS, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    assert [path.name for path in copy.parent.iterdir()] == ["x.cache"]


def test_a_copy_of_something_else_is_none(copy: Path) -> None:
    assert derived_files.load(copy, {"records": "abd"}) is None


def test_no_bit_of_a_copy_can_change(copy: Path) -> None:
    good = copy.read_bytes()
    for at in range(0, len(good), 3):
        copy.write_bytes(good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :])
        assert derived_files.load(copy, MADE_OF) is None
    for cut in (0, 5, 40, len(good) - 1):
        copy.write_bytes(good[:cut])
        assert derived_files.load(copy, MADE_OF) is None
    copy.write_bytes(good + b"\0")
    assert derived_files.load(copy, MADE_OF) is None


def test_a_copy_that_was_moved_is_none(copy: Path, tmp_path: Path) -> None:
    shutil.copytree(copy.parent, tmp_path / "elsewhere")
    assert derived_files.load(tmp_path / "elsewhere" / copy.name, MADE_OF) is None
    shutil.copy(copy, copy.with_name("y.cache"))
    assert derived_files.load(copy.with_name("y.cache"), MADE_OF) is None


def test_a_copy_of_another_user_s_is_none(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path / "theirs"))
    assert derived_files.load(copy, MADE_OF) is None
    derived_files.save(copy, MADE_OF, {})  # and takes its place
    assert derived_files.load(copy, MADE_OF) is not None


def test_the_key_is_this_user_s_alone_and_stays(copy: Path, cache: Path) -> None:
    key = cache / derived_files.KEY
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    derived_files.save(copy, MADE_OF, {})
    assert key.read_bytes() == before
    key.write_bytes(b"short")
    assert derived_files.load(copy, MADE_OF) is None
    assert len(key.read_bytes()) == derived_files.KEY_BYTES


def test_without_a_key_there_is_no_copy_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADABENCH_CACHE", "/proc/nowhere")
    derived_files.save(tmp_path / "x.cache", MADE_OF, {})
    assert derived_files.load(tmp_path / "x.cache", MADE_OF) is None
    assert list(tmp_path.iterdir()) == []
