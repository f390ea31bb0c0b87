"""The random draws of the native engine, for backends that hold logits in arrays.

    u = uniform(key, length);   word = the first whose cumulated weight exceeds u

Sums are in float64 here and in float32 there, so a draw within about 1e-6 of a boundary may differ.
"""

from collections.abc import Sequence
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
) -> tuple[list[int], list[float]]:
    """Return a word for each row [n, V] and its log-probability at temperature 1.

    As `decoder.pick` does: the distribution function, in the order of the ids, is inverted at the
    row's number; temperature 0 takes the largest; `top_p` keeps the fewest most probable words
    that reach it. Words outside `masks` [n or 1, V] are never drawn; log-probabilities are among
    all words.
    """
    found = []
    for index, (row, number) in enumerate(zip(logits, numbers, strict=True)):
        mask = None if masks is None else masks[index if len(masks) > 1 else 0]
        found.append(_draw(row, number, temperature, top_p, mask))
    return [word for word, _ in found], [chance for _, chance in found]


def _draw(
    logits: Row, number: float, temperature: float, top_p: float, mask: Row | None
) -> tuple[int, float]:
    """Draw from one row: its numbers stay in a processor's cache, where those of a batch would not."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max()
    weights = np.exp(shifted)
    norm = float(np.log(weights.sum()))
    among = shifted if mask is None else np.where(mask, shifted, -np.inf)
    if temperature == 0:
        word = int(among.argmax())
    else:
        np.divide(among - among.max(), temperature, out=weights)
        np.exp(weights, out=weights)
        word = _picked(weights if top_p == 1 else _nucleus(weights, top_p), number)
    return word, float(shifted[word]) - norm


def _nucleus(weights: Row, top_p: float) -> Row:
    """Return weights with 0 for those outside the fewest most probable words that reach `top_p`."""
    order = np.argsort(-weights, kind="stable")
    falling = weights[order]
    reached = np.cumsum(falling) - falling >= top_p * falling.sum()
    weights[order] = np.where(reached, 0.0, falling)
    return weights


def _picked(weights: Row, number: float) -> int:
    """Invert the distribution function at a number."""
    sums = np.cumsum(weights)
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
