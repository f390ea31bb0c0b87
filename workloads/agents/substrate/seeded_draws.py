"""Seeded draws for worlds, questions and traces: the same on every machine and version of Python.

Of the standard generator only `random()` is used, whose sequence Python promises to keep.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """One stream of random numbers."""

    def __init__(self, seed: int) -> None:
        self._next = random.Random(seed).random

    def below(self, count: int) -> int:
        """Return a whole number of 0..count - 1."""
        return int(self._next() * count)

    def chance(self, probability: float) -> bool:
        """Return true with this probability."""
        return self._next() < probability

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, all equally likely."""
        return options[int(self._next() * len(options))]

    def weighted(self, options: Sequence[tuple[T, float]]) -> T:
        """Return one of the options with the probability beside it."""
        left = self._next() * sum(weight for _, weight in options)
        for option, weight in options:
            left -= weight
            if left < 0:
                return option
        return options[-1][0]

    def distinct(self, options: Sequence[T], count: int) -> list[T]:
        """Return so many different options.

        Raises:
            ValueError: if there are fewer.
        """
        if count > len(options):
            raise ValueError(f"{count} different ones of {len(options)} are not to be had.")
        found: dict[T, None] = {}
        while len(found) < count:
            found[self.pick(options)] = None
        return list(found)
