"""The checksum at the end of a journal's line: `...,"x":"1a2b3c4d"}`.

It is the CRC-32 of the bytes before it, in hexadecimal digits, so it finds every change of up
to 32 bits in a row.
"""

import json
from collections.abc import Mapping
from typing import Any
from zlib import crc32

LENGTH = len(b',"x":"1a2b3c4d"}')
TAIL = b',"x":"%08x"}'


def sealed(line: Mapping[str, Any]) -> bytes:
    """Return a line's bytes with its checksum, without the end of the line."""
    text = json.dumps(line, separators=(",", ":"), allow_nan=False).encode()[:-1]
    return text + TAIL % crc32(text)


def value(text: bytes) -> int:
    """Return the checksum that a line should hold; of an intact one it is the one it holds."""
    return crc32(text[:-LENGTH])


def intact(text: bytes, value: int) -> bool:
    """Say whether a line holds its checksum."""
    return text.endswith(TAIL % value)
