"""Where experts lie that are not in a slot, and what it takes to bring one: real work in each tier, never a pause.

| tier | an expert is | bringing it |
|---|---|---|
| `memory` | its weights in the processor's memory | is a copy |
| `inflate` | its weights, deflated (zlib, level 1) | inflates them |
| `file` | a part of a file on a disk | reads its blocks by `O_DIRECT`, past the page cache, into the slot |
| `host` | pinned memory of the processor | copies it to the GPU |

`file` is refused where the kernel's own counter (`read_bytes` of `/proc/self/io`) does not move by what is read, as on
tmpfs: such a file is memory. `posix_fadvise` in place of `O_DIRECT` would be no disk either: it leaves read-ahead.
"""

import mmap
import os
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem, SelectionError, nearest

BLOCK = mmap.PAGESIZE
"""Bytes: what `O_DIRECT` reads, and to what it aligns."""
COUNTER = Path("/proc/self/io")
TIERS = ("memory", "inflate", "file", "host")


class Tier(Protocol):
    """Experts of equal sizes, by number."""

    def bring(self, expert: int, slot: Tensor) -> None:
        """Write an expert's bytes over a slot, [bytes] of uint8."""
        ...


@dataclass(frozen=True)
class Memory:
    """Experts [n, bytes] as they are."""

    held: Tensor

    def bring(self, expert: int, slot: Tensor) -> None:
        """Copy."""
        slot.copy_(self.held[expert])


@dataclass(frozen=True)
class Deflated:
    """Experts in zlib's format."""

    held: Sequence[bytes]

    def bring(self, expert: int, slot: Tensor) -> None:
        """Inflate."""
        slot.numpy().data[:] = zlib.decompress(self.held[expert])


@dataclass(frozen=True)
class BlockFile:
    """A file of experts, opened past the page cache; it has no name any more and goes with its last reader."""

    descriptor: int
    size: int
    """Bytes of an expert: whole blocks."""

    def bring(self, expert: int, slot: Tensor) -> None:
        """Read."""
        if os.preadv(self.descriptor, [slot.numpy().data], expert * self.size) != self.size:
            raise EnvironmentProblem("The file of experts ended early.", "Is the disk full?")

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)


@dataclass
class Pinned:
    """Experts in pinned memory beside a GPU, with a stream for copies."""

    held: Tensor
    stream: torch.Stream = field(default_factory=lambda: torch.Stream(device="cuda"))

    def bring(self, expert: int, slot: Tensor) -> None:
        """Copy to the GPU."""
        with self.stream:
            slot.copy_(self.held[expert], non_blocking=True)
        self.stream.synchronize()


def open_tier(name: str, experts: Tensor, folder: str = "") -> Tier:
    """Return a tier of experts [n, bytes] of uint8; `folder` is where a file goes, by default the temporary one.

    Raises:
        SelectionError: for a tier that there is not, or a folder.
        EnvironmentProblem: if nothing here is such a tier.
    """
    if name == "memory":
        return Memory(experts)
    if name == "inflate":
        return Deflated([zlib.compress(one.numpy().tobytes(), 1) for one in experts])
    if name == "file":
        return _block_file(experts, Path(folder or tempfile.gettempdir()))
    if name == "host":
        refuse_no_gpu()
        return Pinned(experts.pin_memory())
    raise SelectionError(f"{name!r} is no tier of experts.", nearest(name, TIERS))


def refuse_no_gpu() -> None:
    """Make sure that there is a GPU to copy to.

    Raises:
        EnvironmentProblem: if there is none.
    """
    if not torch.cuda.is_available():
        raise EnvironmentProblem(
            "The tier host copies experts to a GPU, and there is none.",
            "Take tier=memory, inflate or file.",
        )


def refuse_no_disk(folder: str) -> None:
    """Make sure that a file in a folder is read from a disk.

    Raises:
        SelectionError: for no folder.
        EnvironmentProblem: if no block is read there.
    """
    file = _block_file(
        torch.zeros(1, BLOCK, dtype=torch.uint8), Path(folder or tempfile.gettempdir())
    )
    file.close()


def _block_file(experts: Tensor, folder: Path) -> BlockFile:
    size = experts.shape[1]
    if size % BLOCK:
        raise EnvironmentProblem(
            f"An expert of {size} bytes is no whole number of blocks of {BLOCK}.",
            "Take tier=memory or inflate.",
        )
    if not folder.is_dir():
        raise SelectionError(f"{folder} is no folder.", "Name one on a disk: --set folder=...")
    with tempfile.NamedTemporaryFile(dir=folder) as made:
        made.write(experts.numpy().tobytes())
        made.flush()
        os.fsync(made.fileno())
        try:
            descriptor = os.open(made.name, os.O_RDONLY | getattr(os, "O_DIRECT", 0))
        except OSError as refused:
            raise _no_disk(
                folder, f"a file there cannot be read past the page cache ({refused})"
            ) from refused
    file = BlockFile(descriptor, size)
    before, slot = blocks_read(), aligned(1, size)
    try:
        file.bring(0, slot[0])
        moved = blocks_read() - before
    except OSError as refused:
        file.close()
        raise _no_disk(
            folder, f"a file there cannot be read past the page cache ({refused})"
        ) from refused
    if moved < size:
        file.close()
        raise _no_disk(
            folder, f"the kernel counted {moved} bytes from a disk where {size} were read"
        )
    return file


def _no_disk(folder: Path, why: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"{folder} is no place for experts in a file: {why}.",
        "Name a folder on a disk (--set folder=...), or take tier=inflate.",
    )


def blocks_read() -> int:
    """Return how many bytes this process had from disks, as the kernel counts; 0 where it does not say."""
    try:
        lines = COUNTER.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("read_bytes")), 0)


def aligned(slots: int, size: int) -> Tensor:
    """Return memory for slots [slots, size] of uint8 that begins at a page, as `O_DIRECT` needs it."""
    return torch.frombuffer(mmap.mmap(-1, slots * size), dtype=torch.uint8).view(slots, size)
