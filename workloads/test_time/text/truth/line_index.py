"""Where the lines of a file begin, so that those in its middle are read without those before them.

An index grows as far as lines are asked for, and is kept while the file stays what it is: all seeds of a run
go through a file once, however many there are.
"""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import BinaryIO

Wanted = Callable[[str, bytes], bool]
"""Whether a line belongs to what is read, by its place in words and its text."""


@dataclass
class LineIndex:
    """The lines of a file that are wanted, as far as it was read."""

    path: Path
    starts: "array[int]" = field(default_factory=lambda: array("q"))
    """Of each of them, in bytes."""
    numbers: "array[int]" = field(default_factory=lambda: array("q"))
    """Of each of them, from 1."""
    read: int = 0
    """Bytes that were gone through."""
    counted: int = 0
    """Lines among them."""

    def lines(self, start: int, wanted: Wanted | None) -> Iterator[tuple[int, bytes]]:
        """Yield the number and the text of each wanted line behind `start` of them.

        Raises:
            OSError: if the file cannot be read.
        """
        with self.path.open("rb") as file:
            for at in count(start):
                while at >= len(self.starts):
                    if not self._goes_on(file, wanted):
                        return
                file.seek(self.starts[at])
                yield self.numbers[at], file.readline()

    def _goes_on(self, file: BinaryIO, wanted: Wanted | None) -> bool:
        """Read another line; return whether there was one."""
        file.seek(self.read)
        line = file.readline()
        number = self.counted + 1
        place = f"{self.path}, line {number}"
        if line and not line.isspace() and (wanted is None or wanted(place, line)):
            self.starts.append(self.read)
            self.numbers.append(number)
        self.read, self.counted = self.read + len(line), number
        return bool(line)


def line_index(path: Path, group: str) -> LineIndex:
    """Return the index of a file, or of a group of its lines; of a file that changed a new one.

    Raises:
        OSError: if there is no such file.
    """
    state = path.stat()
    return _index(path, group, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4)
def _index(path: Path, group: str, size: int, time_ns: int) -> LineIndex:
    del group, size, time_ns  # they tell one index from another
    return LineIndex(path)
