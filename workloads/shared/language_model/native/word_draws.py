"""How a word is drawn from logits, and how sure the model was: parts of the compiled decoding loop."""

from typing import Any

import numpy as np

from adabench.workloads.shared.compiled.simd import (
    LANES,
    compiled,
    exponential,
    fma,
    load,
    plus,
    spread,
    store,
    summed,
)

NOWHERE = np.float32(-80.0)
"""A logit so far below the largest that its word weighs nothing; its exponential is a number still."""


@compiled
def uniform(key: Any, place: Any) -> float:
    """Return the number in [0, 1) that a key gives to a position (splitmix64)."""
    z = np.uint64(key) + np.uint64(place) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * 2.0**-53


@compiled
def _weigh(logits: Any, top: Any, scale: Any, out: Any) -> float:
    """Write exp((logit - top) * scale) and return the sum; `out` has room for LANES more."""
    n = len(logits)
    for j in range(n):
        out[j] = (logits[j] - top) * scale
    for j in range(n, n + LANES):
        out[j] = 0.0
    for j in range(0, n, LANES):
        store(out, j, exponential(load(out, j)))
    total = 0.0
    for j in range(n):
        total += out[j]
    return total


@compiled
def _keep_likely(weights: Any, n: Any, aim: Any) -> float:
    """Clear all but the fewest largest weights that reach `aim`; return their sum."""
    kept = 0.0
    chosen = np.zeros(n, np.bool_)
    while kept < aim:
        best = -1
        for j in range(n):
            if not chosen[j] and (best < 0 or weights[j] > weights[best]):
                best = j
        if best < 0:
            break
        chosen[best] = True
        kept += weights[best]
    total = 0.0
    for j in range(n):
        if not chosen[j]:
            weights[j] = 0.0
        total += weights[j]
    return total


@compiled
def pick(logits: Any, temperature: Any, top_p: Any, u: Any) -> tuple[int, float]:
    """Return (word, its log-probability at temperature 1) for a uniform number u.

    Temperature 0 takes the largest. The inverse of the distribution function is taken over the
    words in the order of their ids; `top_p` keeps the fewest most probable words that reach it,
    lower ids first among equals.
    """
    n = len(logits)
    best = 0
    for j in range(1, n):
        if logits[j] > logits[best]:
            best = j
    top = logits[best]
    weights = np.empty(n + LANES, np.float32)
    norm = total = _weigh(logits, top, np.float32(1.0), weights)
    chosen = best
    if temperature > 0.0:
        if temperature != 1.0:
            total = _weigh(logits, top, np.float32(1.0 / temperature), weights)
        if top_p < 1.0:
            total = _keep_likely(weights, n, top_p * total)
        left = u * total
        for j in range(n):
            if weights[j] > 0.0:
                chosen = j
                left -= weights[j]
                if left < 0.0:
                    break
    return chosen, np.float64(logits[chosen]) - np.float64(top) - np.log(norm)


@compiled
def pick_among(
    logits: Any, allowed: Any, temperature: Any, top_p: Any, u: Any
) -> tuple[int, float]:
    """Return what `pick` does, of the words that are allowed; at least one is.

    The log-probability is among all words. Weights are taken relative to the best allowed word, so
    that they do not vanish where the model wants another one.
    """
    n = len(logits)
    top, best = logits[0], -1
    for j in range(n):
        top = max(top, logits[j])
        if allowed[j] and (best < 0 or logits[j] > logits[best]):
            best = j
    weights = np.empty(n + LANES, np.float32)
    norm = _weigh(logits, top, np.float32(1.0), weights)
    chosen = best
    if temperature > 0.0:
        _weigh(logits, logits[best], np.float32(1.0 / temperature), weights)
        total = 0.0
        for j in range(n):
            if not allowed[j]:  # whatever it is: one far above the best is no number
                weights[j] = 0.0
            total += weights[j]
        if top_p < 1.0:
            total = _keep_likely(weights, n, top_p * total)
        left = u * total
        for j in range(n):
            if weights[j] > 0.0:
                chosen = j
                left -= weights[j]
                if left < 0.0:
                    break
    return chosen, np.float64(logits[chosen]) - np.float64(top) - np.log(norm)


@compiled
def sureness(logits: Any, count: Any) -> tuple[float, float]:
    """Return the entropy in nats at temperature 1, and the mean of -log p of the `count` largest.

    With weights w = exp(x) of x = logit - top, the entropy is log(sum w) - (sum w x) / (sum w).
    """
    n = len(logits)
    largest = np.full(count, -np.inf, np.float32)
    for j in range(n):
        if logits[j] > largest[count - 1]:
            place = count - 1
            while place > 0 and largest[place - 1] < logits[j]:
                largest[place] = largest[place - 1]
                place -= 1
            largest[place] = logits[j]
    top = largest[0]
    below = np.full(n + LANES, NOWHERE, np.float32)
    for j in range(n):
        below[j] = max(logits[j] - top, NOWHERE)
    norms, means = spread(np.float32(0.0)), spread(np.float32(0.0))
    for j in range(0, n, LANES):
        x = load(below, j)
        weight = exponential(x)
        norms = plus(norms, weight)
        means = fma(weight, x, means)
    norm, mean = np.float64(summed(norms)), np.float64(summed(means))
    total = 0.0
    for i in range(count):
        total += np.float64(largest[i]) - np.float64(top)
    return max(0.0, np.log(norm) - mean / norm), np.log(norm) - total / count
