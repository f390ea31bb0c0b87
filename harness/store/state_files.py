"""The file of a prepared state as two open files: a method's process opens nothing in the cache of states.

The run opens them and sends them along. The process reads the one, or writes what it made into the other, which the run
then puts in its place.
"""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from adabench.harness.files import whole_file

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StateFiles:
    """What is open of a state: its file, and one for a state that is made now."""

    path: Path | None
    stored: IO[bytes] | None = None
    made: IO[bytes] | None = None

    @property
    def descriptors(self) -> list[int]:
        """The open files, as they travel."""
        return [file.fileno() for file in (self.stored, self.made) if file is not None]

    @property
    def kinds(self) -> list[str]:
        """What each of them is for."""
        both = (("stored", self.stored), ("made", self.made))
        return [name for name, file in both if file is not None]

    def keep(self, written: bool) -> None:
        """Put a state that was made in its place; one that cannot be stored is only logged."""
        if not written or self.path is None or self.made is None:
            return
        try:
            self.made.seek(0)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            whole_file.sweep(self.path.parent)
            whole_file.write_whole(self.path, self.made.read())
        except OSError as problem:
            log.info("The prepared state is not cached: %s", problem)


@contextmanager
def open_state(path: Path | None, *, store: bool) -> Iterator[StateFiles]:
    """Open the file of a state, if there is one, and one to write a new state into."""
    with ExitStack() as stack:
        stored = made = None
        if path is not None:
            with suppress(OSError):
                stored = stack.enter_context(path.open("rb"))
            with suppress(OSError):
                made = stack.enter_context(tempfile.TemporaryFile()) if store else None
        yield StateFiles(path, stored, made)
