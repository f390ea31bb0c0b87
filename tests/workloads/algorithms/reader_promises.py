"""What each reader of users' files promises. A room's test class inherits it and names its bad files."""

import gzip
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError


class ReaderPromises(ABC):
    """Bad files end in a sentence with a remedy, are not repeated at length, and leave nothing behind."""

    name: ClassVar[str]
    """Of the task."""
    condition: ClassVar[str]
    """What a file is named in."""
    bad: ClassVar[Sequence[tuple[Any, ...]]]
    """Content, what is said of it; the file's name and what its hint says, where those matter."""
    near: ClassVar[tuple[str, str]]
    """What is no file, and the family whose name is nearest."""
    good: ClassVar[str]
    """What a file may hold."""
    unreadable: ClassVar[str] = "cannot be read"

    @abstractmethod
    def read(self, spec: str) -> Any:
        """Read what a condition names."""

    def load(self, spec: object) -> Any:
        module: Any = registry.load(registry.find(self.name))
        return module.load("embedded", 0, **{self.condition: str(spec)})

    def test_a_bad_file_is_explained(self, bad: tuple[Any, ...], tmp_path: Path) -> None:
        content, message, spec, hint = (*bad, "bad.txt", "")[:4] if len(bad) < 4 else bad
        path = tmp_path / spec.partition(":")[0]
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(SelectionError, match=message) as caught:
            self.read(str(tmp_path / spec))
        assert caught.value.hint
        assert hint in caught.value.hint
        assert [*tmp_path.iterdir()] == [path]

    def test_a_file_that_is_not_there_gets_the_nearest_family(self, tmp_path: Path) -> None:
        word, family = self.near
        with pytest.raises(SelectionError, match="no such file") as caught:
            self.load(word)
        assert family in caught.value.hint
        with pytest.raises(SelectionError, match="no such file"):
            self.load(tmp_path)

    def test_what_is_no_archive_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt.gz").write_bytes(b"not a gzip file")
        (tmp_path / "b.txt.gz").write_bytes(gzip.compress(self.good.encode())[:-9])
        for name in ("a.txt.gz", "b.txt.gz"):
            with pytest.raises(SelectionError, match=self.unreadable):
                self.read(str(tmp_path / name))


class RowReaderPromises(ReaderPromises):
    """A reader that says which line it cannot read."""

    long: ClassVar[Sequence[str]]
    """Contents of a file with a word of 100,000 signs, on its last line."""

    def test_an_error_does_not_repeat_a_long_word(self, long: str, tmp_path: Path) -> None:
        (tmp_path / "bad.txt").write_text(long)
        with pytest.raises(SelectionError, match=f"Line {len(long.splitlines())}") as caught:
            self.read(str(tmp_path / "bad.txt"))
        assert len(str(caught.value)) < len(str(tmp_path)) + 200


class LimitedReaderPromises(RowReaderPromises):
    """A reader that stops where a file holds more than it takes."""

    limit: ClassVar[tuple[str, int, str, str]]
    """A limit by its dotted name, a lower one, what a file holds that is above it, what is said."""

    def test_more_than_is_allowed_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place, most, text, message = self.limit
        monkeypatch.setattr(f"adabench.workloads.algorithms.{self.name}.substrate.{place}", most)
        (tmp_path / "much.txt").write_text(text)
        with pytest.raises(SelectionError, match=message) as caught:
            self.read(str(tmp_path / "much.txt"))
        assert caught.value.hint
