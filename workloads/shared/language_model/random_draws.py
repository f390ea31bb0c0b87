"""The random draws of the native engine, for backends that hold logits in arrays.

    u = uniform(key, length);   word = the first whose cumulated weight exceeds u

Sums are in float64 here and in float32 there, so a draw within about 1e-6 of a boundary may differ.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from adabench.workloads.shared.language_model.contract import Floats, Masks

_WORD = (1 << 64) - 1
Row = np.ndarray[tuple[int, ...], np.dtype[Any]]


def uniform(key: int, place: int) -> float:
    """Return the number in [0, 1) that a key gives to a position, as `decoder.uniform` does."""
    z = (key + place * 0x9E3779B97F4A7C15) & _WORD
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _WORD
    return float((z ^ z >> 31) >> 11) * 2.0**-53


def draw(
    logits: Floats,
    numbers: Sequence[float],
    temperature: float,
    top_p: float,
    masks: Masks | None = None,
    rows: Sequence[int] | None = None,
) -> tuple[list[int], list[float]]:
    """Return a word for each row [n, V] and its log-probability at temperature 1.

    `rows` says which row each number is for, where some draw from the same one; it is then prepared once.

    As `decoder.pick` does: the distribution function, in the order of the ids, is inverted at the
    row's number; temperature 0 takes the largest; `top_p` keeps the fewest most probable words
    that reach it. Words outside `masks` [n or 1, V] are never drawn; log-probabilities are among
    all words.
    """
    found: dict[int, tuple[int, float]] = {}
    places = range(len(numbers)) if rows is None else rows
    shared = range(len(numbers)) if masks is not None and len(masks) > 1 else [0] * len(numbers)
    laws = sorted(range(len(numbers)), key=lambda index: (places[index], shared[index]))
    for (place, own), group in groupby(laws, key=lambda index: (places[index], shared[index])):
        law = _Law(logits[place], temperature, top_p, None if masks is None else masks[own])
        found.update((index, law.draw(numbers[index])) for index in group)
    drawn = [found[index] for index in range(len(numbers))]
    return [word for word, _ in drawn], [chance for _, chance in drawn]


class _Law:
    """The distribution of one row: its numbers stay in a processor's cache, where those of a batch would not."""

    def __init__(self, logits: Row, temperature: float, top_p: float, mask: Row | None) -> None:
        self.shifted = shifted = logits.astype(np.float64)
        shifted -= shifted.max()
        weights = np.exp(shifted)
        self.norm = float(np.log(weights.sum()))
        among = shifted if mask is None else np.where(mask, shifted, -np.inf)
        self.likeliest = int(among.argmax())
        self.weights: Row | None = None
        if temperature != 0:
            np.divide(among - among[self.likeliest], temperature, out=weights)
            np.exp(weights, out=weights)
            self.weights = weights if top_p == 1 else _nucleus(weights, top_p)
            self.sums = np.cumsum(self.weights)

    def draw(self, number: float) -> tuple[int, float]:
        """Return the word at a number, and its log-probability at temperature 1."""
        word = self.likeliest
        if self.weights is not None:
            word = _picked(self.weights, self.sums, number)
        return word, float(self.shifted[word]) - self.norm


def _nucleus(weights: Row, top_p: float) -> Row:
    """Return weights with 0 for those outside the fewest most probable words that reach `top_p`."""
    order = np.argsort(-weights, kind="stable")
    falling = weights[order]
    reached = np.cumsum(falling) - falling >= top_p * falling.sum()
    weights[order] = np.where(reached, 0.0, falling)
    return weights


def _picked(weights: Row, sums: Row, number: float) -> int:
    """Invert the distribution function at a number."""
    word = int(np.searchsorted(sums, number * sums[-1], "right"))
    # A product that rounds up to the whole sum lies behind every word: the last one that may be drawn.
    return word if word < len(weights) else int(np.flatnonzero(weights)[-1])


def sureness(logits: Floats, count: int) -> tuple[list[float], list[float]]:
    """Return each row's entropy in nats at temperature 1, and mean -log p of its `count` likeliest.

    As `word_draws.sureness` does for one row.
    """
    logs = logits.astype(np.float64)
    logs -= logs.max(axis=1, keepdims=True)
    logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
    entropies = -(np.exp(logs) * logs).sum(axis=1)
    largest = -np.partition(-logs, count - 1, axis=1)[:, :count]
    return entropies.tolist(), (-largest.mean(axis=1)).tolist()
