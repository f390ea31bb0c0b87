"""A packed run: `records.jsonl.gz` and `run.json.gz`, to be read and not to be added to.

Runs are packed to be kept in a repository. Every command that reads a run reads a packed one;
`gunzip` makes an ordinary run of it again.
"""

import gzip
import shutil
import zlib
from io import BufferedReader
from pathlib import Path

from adabench.harness.errors import StoreError
from adabench.harness.files.whole_file import open_whole

SUFFIX = ".gz"
LEVEL = 9
UNREADABLE = (OSError, EOFError, zlib.error)
"""What reading a file of a run can raise: gzip says of a cut file that it ended, not that it failed."""


def packed(path: Path) -> Path:
    """Return where the packed copy of a run's file is, or would be."""
    return path.with_name(path.name + SUFFIX)


def is_packed(path: Path) -> bool:
    """Say whether only the packed copy of a run's file is there."""
    return not path.exists() and packed(path).exists()


def refuse_packed(path: Path) -> None:
    """Refuse a run to which nothing can be added.

    Raises:
        StoreError: if only the packed copy of its manifest, `path`, is there.
    """
    if is_packed(path):
        raise StoreError(f"{path.parent} holds a packed run already.", "Choose another --out.")


def reason(problem: Exception) -> str:
    """Return why a file could not be read, without its path."""
    return str(getattr(problem, "strerror", None) or problem).rstrip(".")


def open_file(path: Path) -> BufferedReader | gzip.GzipFile:
    """Open a file of a run for reading, packed or not.

    Raises:
        OSError: if neither is there, or it cannot be read.
    """
    if is_packed(path):
        return gzip.GzipFile(packed(path), "rb")
    return path.open("rb")


def read_bytes(path: Path) -> bytes:
    """Return what a file of a run holds, packed or not.

    Raises:
        OSError: if neither is there, or it cannot be read.
    """
    with open_file(path) as file:
        return file.read()


def size_bytes(path: Path) -> int:
    """Return the size on disk of a file of a run, packed or not; 0 if there is none."""
    place = packed(path) if is_packed(path) else path
    return place.stat().st_size if place.exists() else 0


def pack(folder: Path, out: Path, names: tuple[str, ...]) -> None:
    """Write packed copies of a run's files into another folder, the same bytes every time.

    Raises:
        StoreError: if a file is missing or cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in names:
            with (
                (folder / name).open("rb") as source,
                open_whole(packed(out / name)) as target,
                # No name and no time in the header: equal runs give equal bytes.
                gzip.GzipFile("", "wb", LEVEL, target, mtime=0) as squeezed,
            ):
                shutil.copyfileobj(source, squeezed)
    except OSError as problem:
        raise StoreError(f"{folder} cannot be packed into {out}: {problem.strerror}.") from problem
