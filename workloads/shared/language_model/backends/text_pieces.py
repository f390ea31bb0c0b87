"""Writes text as ids that say what they are: the id of a piece is its bytes, behind a byte of one, as a whole number.

Nobody outside a server knows its words, so text is cut into pieces of our own, which mean the same on every server. Ids may be longer
than 64 bits. The cuts matter only where words are counted and the server does not say how many it read.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.vocabulary import vocabulary_digest

END = 2
"""The id of the end of a completion, which has no text."""
PIECES = vocabulary_digest(("pieces of text, each its own bytes",))
_PIECE = re.compile(r" ?\w{1,8}| ?[^\w\s]+|\s")
"""About as long as a tokenizer's words."""


@dataclass(frozen=True)
class TextPieces:
    """The codec of servers whose vocabulary is not known."""

    vocabulary: str = PIECES
    end: int = END

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the pieces of a text."""
        return tuple(piece_id(piece.encode()) for piece in _PIECE.findall(text))

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of pieces; an end has none.

        Raises:
            SelectionError: for an id that is no piece.
        """
        return text_bytes(ids).decode("utf-8", "replace")

    def stops(self, mark: str) -> frozenset[int]:
        """Return the stop set of a mark: the piece that it is."""
        return frozenset((piece_id(mark.encode()),))


def piece_id(piece: bytes) -> int:
    """Return the id that holds some bytes."""
    return int.from_bytes(b"\x01" + piece, "big")


def text_bytes(ids: Iterable[int]) -> bytes:
    """Return the bytes of pieces.

    Raises:
        SelectionError: for an id that is no piece.
    """
    return b"".join(_bytes(word) for word in ids if word != END)


def _bytes(word: int) -> bytes:
    whole = word.to_bytes((word.bit_length() + 7) // 8, "big") if word > 0 else b""
    if len(whole) < 2 or whole[0] != 1:
        raise SelectionError(
            f"The id {word} is no piece of text; it belongs to another vocabulary.",
            "Encode prompts with the codec of the model that reads them.",
        )
    return whole[1:]
