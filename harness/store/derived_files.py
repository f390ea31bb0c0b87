"""Copies beside a run of what was computed from it: written whole or not at all.

A copy is a header (JSON) and arrays, in one file of `.npy` blocks one after another. It says
what it was made of (`made_of`); one that was made of anything else, or cannot be read, does not
exist. Deleting it costs time and nothing else.
"""

import contextlib
import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

log = logging.getLogger(__name__)
Array = npt.NDArray[Any]


def load(path: Path, made_of: Mapping[str, Any]) -> tuple[dict[str, Any], list[Array]] | None:
    """Return the header and the arrays of a copy that was made of exactly this."""
    try:
        with path.open("rb") as file:
            header: dict[str, Any] = json.loads(_read(file).tobytes())
            if header.get("made_of") != dict(made_of):
                return None
            return header, [_read(file) for _ in range(header["arrays"])]
    except (OSError, ValueError, KeyError, AttributeError, EOFError) as unreadable:
        log.debug("%s is not used: %s", path, unreadable)
        return None


def save(
    path: Path, made_of: Mapping[str, Any], header: Mapping[str, Any], arrays: Iterable[Array] = ()
) -> None:
    """Write a copy; where that is not possible there is none."""
    blocks = list(arrays)
    text = json.dumps({**header, "made_of": dict(made_of), "arrays": len(blocks)})
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            for block in (np.frombuffer(text.encode(), np.uint8), *blocks):
                np.lib.format.write_array(file, block, allow_pickle=False)
        temporary.replace(path)
    except OSError as unwritable:
        log.debug("%s is not kept: %s", path, unwritable)
    finally:
        with contextlib.suppress(OSError):  # the folder may not be ours to write to
            temporary.unlink(missing_ok=True)


def _read(file: BinaryIO) -> Array:
    return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
