"""Copies beside a run of what was computed from it: written whole or not at all, and signed.

A copy is a signature, a header (JSON) and arrays, in one file of `.npy` blocks one after another. It
says what it was made of (`made_of`); one that was made of anything else, or cannot be read, does
not exist. Nor does one that this user did not write here: the signature is an HMAC over
the content and the place of the file, with a key in the user's cache folder (`seal.key`). So a
folder that was copied, moved, downloaded or tampered with is computed anew
(docs/decisions/0018). Deleting a copy costs time and nothing else.
"""

import contextlib
import hmac
import json
import logging
import os
import secrets
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from adabench.harness.files import whole_file
from adabench.harness.store.prepared_states import default_folder

if TYPE_CHECKING:  # whoever looks for a copy that is not there needs no numpy
    import numpy.typing as npt

    Array = npt.NDArray[Any]

log = logging.getLogger(__name__)
KEY = "seal.key"
KEY_BYTES = 32
CHUNK = 1 << 20


def load(path: Path, made_of: Mapping[str, Any]) -> tuple[dict[str, Any], list["Array"]] | None:
    """Return the header and the arrays of a copy that was made here of exactly this."""
    try:
        with path.open("rb") as file:
            _check(file, path)
            header: dict[str, Any] = json.loads(_read(file).tobytes())
            if header.get("made_of") != dict(made_of):
                return None
            return header, [_read(file) for _ in range(header["arrays"])]
    except (OSError, ValueError, KeyError, AttributeError, EOFError) as unreadable:
        log.debug("%s is not used: %s", path, unreadable)
        return None


def save(
    path: Path,
    made_of: Mapping[str, Any],
    header: Mapping[str, Any],
    arrays: Iterable["Array"] = (),
) -> None:
    """Write a copy; where that is not possible there is none."""
    import numpy as np

    blocks = list(arrays)
    text = json.dumps({**header, "made_of": dict(made_of), "arrays": len(blocks)})
    whole_file.sweep(path.parent)
    try:
        with whole_file.open_whole(path) as file:
            signed = _SignedFile(file, _signature(path))
            file.write(bytes(signed.hash.digest_size))
            for block in (np.frombuffer(text.encode(), np.uint8), *blocks):
                np.lib.format.write_array(cast(BinaryIO, signed), block, allow_pickle=False)
            file.seek(0)
            file.write(signed.hash.digest())
    except OSError as unwritable:
        log.debug("%s is not kept: %s", path, unwritable)


class _SignedFile:
    """A file that is signed as it is written."""

    def __init__(self, file: BinaryIO, signature: "hmac.HMAC") -> None:
        self.file, self.hash = file, signature

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        return self.file.write(data)


def _check(file: BinaryIO, path: Path) -> None:
    """Read a file's signature and hold it against the rest; leave it at the first block.

    Raises:
        ValueError: if it was not signed here.
        OSError: if it cannot be read, or there is no key.
    """
    signature = _signature(path)
    told = file.read(signature.digest_size)
    while data := file.read(CHUNK):
        signature.update(data)
    if not hmac.compare_digest(told, signature.digest()):
        raise ValueError("it was not written here, or has been changed")
    file.seek(signature.digest_size)


def _signature(path: Path) -> "hmac.HMAC":
    place = os.fsencode(path.resolve())
    return hmac.new(_key(), len(place).to_bytes(8, "little") + place, sha256)


def _key() -> bytes:
    """Return this user's key, which is made where there is none.

    Raises:
        OSError: if there is none and it cannot be written.
    """
    path = default_folder() / KEY
    with contextlib.suppress(OSError):
        known = path.read_bytes()
        if len(known) == KEY_BYTES:
            return known
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file.open_whole(path) as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(secrets.token_bytes(KEY_BYTES))
    return path.read_bytes()


def _read(file: BinaryIO) -> "Array":
    import numpy as np

    return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
