"""An answer that comes in pieces, put together as if it had come at once, with the moment of each word.

answer = collected(chunks)             chunks: of one request, as plain data
answer.stamps                          seconds on the host's monotonic clock
"""

import time
from collections.abc import Callable, Iterable
from typing import Any


def collected(
    chunks: Iterable[dict[str, Any]], clock: Callable[[], float] = time.monotonic
) -> tuple[dict[str, Any], list[float]]:
    """Return one answer, and when each piece with words in it came."""
    choices: dict[int, dict[str, Any]] = {}
    usage: dict[str, Any] | None = None
    stamps: list[float] = []
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        pieces = chunk.get("choices") or ()
        if any(piece.get("text") or piece.get("logprobs") for piece in pieces):
            stamps.append(clock())
        for piece in pieces:
            index = int(piece.get("index") or 0)
            _add(choices.setdefault(index, {"index": index, "text": ""}), piece)
    return {"choices": list(choices.values()), "usage": usage}, stamps


def _add(choice: dict[str, Any], piece: dict[str, Any]) -> None:
    """Put a piece behind what came of its choice so far."""
    choice["text"] += piece.get("text") or ""
    for name in ("finish_reason", "stop_reason"):
        if name in piece and (piece[name] is not None or name not in choice):
            choice[name] = piece[name]
    if piece.get("token_ids"):
        choice.setdefault("token_ids", []).extend(piece["token_ids"])
    for name, part in (piece.get("logprobs") or {}).items():
        if isinstance(part, list):
            choice.setdefault("logprobs", {}).setdefault(name, []).extend(part)
