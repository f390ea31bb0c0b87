"""The random draws of the native engine, for backends that hold logits in arrays.

    u = uniform(key, length);   word = the first whose cumulated weight exceeds u

Sums are in float64 here and in float32 there, so a draw within about 1e-6 of a boundary may differ.
"""

from collections.abc import Sequence

import numpy as np

from adabench.workloads.shared.language_model.contract import Floats, Masks

_WORD = (1 << 64) - 1
Rows = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Words = np.ndarray[tuple[int, ...], np.dtype[np.intp]]


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
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    norms = np.log(np.exp(shifted).sum(axis=1))
    among = shifted if masks is None else np.where(masks, shifted, -np.inf)
    words = among.argmax(axis=1) if temperature == 0 else _picked(among, numbers, temperature, top_p)
    chances = shifted[np.arange(len(words)), words] - norms
    return [int(word) for word in words], [float(chance) for chance in chances]


def _picked(logits: Rows, numbers: Sequence[float], temperature: float, top_p: float) -> Words:
    """Invert the distribution function of each row [n, V] at its number."""
    weights = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    if top_p < 1:
        order = np.argsort(-weights, axis=1, kind="stable")
        falling = np.take_along_axis(weights, order, axis=1)
        reached = np.cumsum(falling, axis=1) - falling >= top_p * falling.sum(axis=1)[:, None]
        np.put_along_axis(weights, order, np.where(reached, 0.0, falling), axis=1)
    sums = np.cumsum(weights, axis=1)
    places = [np.searchsorted(row, u * row[-1], "right") for row, u in zip(sums, numbers, strict=True)]
    # A product that rounds up to the whole sum lies behind every word: the last one that can be drawn.
    return np.array(
        [
            place if place < len(row) else np.flatnonzero(row)[-1]
            for place, row in zip(places, weights, strict=True)
        ]
    )


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
