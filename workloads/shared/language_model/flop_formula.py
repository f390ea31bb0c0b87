"""What a language model works by its shape: FLOPs of rows, of positions that they attend to, and of heads."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Formula:
    """FLOPs of a model: a row, a position attended to, a head; as in `engine.py`."""

    row: int
    position: int
    head: int

    def span(self, begin: int, end: int) -> int:
        """Return the cost of running the positions begin..end."""
        attended = (end * (end + 1) - begin * (begin + 1)) // 2
        return self.row * (end - begin) + self.position * attended

    def decoding(self, begin: int, words: int, *, ended: bool) -> int:
        """Return the cost of words drawn behind `begin` positions: each is run, but for an end, and has a head."""
        run = words - ended
        return self.span(begin, begin + run) + self.head * run
