"""Draws from streams of random numbers that are keyed by whole numbers."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

D = TypeVar("D")


def keyed(*seeds: int) -> np.random.Generator:
    """Return a stream of random numbers that is keyed by all of the numbers."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seeds)))


def drawn(draw: Callable[[np.random.Generator, int], D], *seeds: int) -> D:
    """Draw `seeds[1]` sequences or questions from a stream that is keyed by all of the numbers."""
    return draw(keyed(*seeds), seeds[1])
