"""A case on its way from the run to the process of a method; a large one is shared as a file.

A small case is a message. The arrays of a large one lie in a file in memory that its process maps: all
methods share its pages, and nothing is copied, whatever its size. A process that writes into its
array gets a page of its own; nobody else sees that.
"""

import itertools
import mmap
import os
import pickle
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

LARGE_BYTES = 1 << 16
"""A case from this size on travels as an open file."""
POPULATE_READ = 22
"""Linux's number of MADV_POPULATE_READ: all pages are there before a clock runs, and none is copied."""
ALIGNED_BYTES = 64
"""Arrays in a file begin at multiples of this, as they do elsewhere in memory."""


@dataclass(frozen=True)
class CaseData:
    """A pickled case: as bytes, or in an open file."""

    data: bytes | None
    file: int | None = None
    sizes: tuple[int, ...] = ()
    """Bytes of what is in the file: each array, and the rest."""

    def message(self) -> dict[str, Any]:
        """Return what is said of it; the file goes beside that."""
        return {"case": self.data, "sizes": list(self.sizes)}


def pickled_case(case: Any) -> CaseData:
    """Pickle a case."""
    buffers: list[pickle.PickleBuffer] = []
    rest = pickle.dumps(case, protocol=5, buffer_callback=buffers.append)
    parts = [*(buffer.raw() for buffer in buffers), memoryview(rest)]
    sizes = tuple(part.nbytes for part in parts)
    if sum(sizes) < LARGE_BYTES or not hasattr(os, "memfd_create"):
        return CaseData(pickle.dumps(case, protocol=5))
    file = os.memfd_create("adabench-case")
    with os.fdopen(os.dup(file), "wb") as written:
        for start, part in zip(_starts(sizes), parts, strict=True):
            written.seek(start)
            written.write(part)
    return CaseData(None, file, sizes)


def unpickled_case(message: Mapping[str, Any], file: int | None) -> Any:
    """Return the case of a message from the run, our own parent; close the file that came with it."""
    if file is None:
        return pickle.loads(message["case"])
    try:
        mapped = mmap.mmap(file, 0, access=mmap.ACCESS_COPY)
    finally:
        os.close(file)
    with suppress(
        OSError, ValueError
    ):  # an older kernel: pages are then read in when they are used
        mapped.madvise(POPULATE_READ)
    data, sizes = memoryview(mapped), message["sizes"]
    parts = [data[at : at + size] for at, size in zip(_starts(sizes), sizes, strict=True)]
    return pickle.loads(parts[-1], buffers=parts[:-1])


def _starts(sizes: Sequence[int]) -> list[int]:
    steps = [-(-size // ALIGNED_BYTES) * ALIGNED_BYTES for size in sizes]
    return [0, *itertools.accumulate(steps)][: len(steps)]


def fingerprint(case: Any) -> int:
    """Return a checksum of a case; the same bytes in, the same number out."""
    total = _Checksum()
    pickle.Pickler(total, protocol=5).dump(case)
    return total.value


class _Checksum:
    """A file that keeps a checksum of what is written: a copy of a case would seem the method's."""

    value = 0

    def write(self, data: Any, /) -> None:
        """Take in some bytes."""
        self.value = zlib.crc32(data, self.value)
