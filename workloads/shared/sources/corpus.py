"""Which text: `brown`, or a FILE of plain text, as texts of about two thousand words.

A text says nothing of what is right, so whoever fits something to it needs no labels. A file is cut
into texts at the ends of its lines, each about as long as one of Brown's, and into five at least: a
fifth of the texts is what figures are taken on.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.shared.sources import brown_corpus
from adabench.workloads.shared.sources.named_path import is_file

BROWN = "brown"
PIECE = 12_000
"""Characters of a text: about what 2,000 words have."""
FEWEST = 5
DIGITS = 16


@dataclass(frozen=True)
class Corpus:
    """A corpus that is there."""

    name: str
    path: Path

    def texts(self) -> list[str]:
        """Return its texts in their order.

        Raises:
            EnvironmentProblem: if Brown's package is damaged.
            SelectionError: for a file that is no text, or an empty one.
        """
        return brown_corpus.texts(self.path) if self.name == BROWN else pieces(_read(self.path))

    @property
    def digest(self) -> str:
        """Return a digest of its file."""
        status = self.path.stat()
        return _digest(self.path, status.st_size, status.st_mtime_ns)


def find_corpus(name: str) -> Corpus:
    """Return the corpus that `data` names; nothing of it is read.

    Raises:
        EnvironmentProblem: if Brown is not in the cache folder.
        SelectionError: if there is no such file.
    """
    if name == BROWN:
        return Corpus(name, brown_corpus.archive())
    path = Path(name).expanduser()
    if not is_file(path):
        near = nearest(name, (BROWN,)) if "/" not in name and "." not in name else ""
        raise SelectionError(
            f"data={name} names no text: there is no such file.",
            near or "Name a file of plain text, or brown.",
        )
    return Corpus(name, path)


def pieces(text: str) -> list[str]:
    """Cut a text at the ends of lines into pieces of about `PIECE` characters, `FEWEST` at least.

    Where a line is longer than a piece it is cut between words.
    """
    size = max(1, min(PIECE, -(-len(text) // FEWEST)))
    found, start = [], 0
    while start < len(text):
        end = min(len(text), start + size)
        if end < len(text):
            line = text.find("\n", end, end + size // 4)
            space = text.find(" ", end, end + size // 4)
            end = 1 + next((place for place in (line, space) if place >= 0), end - 1)
        found.append(text[start:end])
        start = end
    return [piece for piece in found if piece.strip()]


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise SelectionError(
            f"{path} is no text in UTF-8: byte {problem.start} is none.", "Convert the file first."
        ) from problem
    if not text.strip():
        raise SelectionError(f"{path} is empty.", "Name a file that holds text.")
    return text


@lru_cache(maxsize=16)
def _digest(path: Path, size_bytes: int, changed_ns: int) -> str:
    """Digest a file once for each of its states."""
    del size_bytes, changed_ns
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:DIGITS]
