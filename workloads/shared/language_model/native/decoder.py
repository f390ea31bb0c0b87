"""Compiles the forward and the decoding loop of the native engine.

Every row is computed alone, one chain of fused multiply-adds in the order of k, and attention sums its positions in their order: no bit
of a row depends on the batch or on the number of threads. Keys, values and states lie in blocks; nothing is gathered, nothing padded.
"""

import time
from typing import Any

import numpy as np
from numba import types

from adabench.workloads.shared.compiled.simd import (
    LANES,
    compiled,
    exponential,
    fma,
    load,
    minus,
    over,
    plus,
    spread,
    store,
    summed,
    times,
)
from adabench.workloads.shared.language_model.native.attention import attend
from adabench.workloads.shared.language_model.native.matmul import product
from adabench.workloads.shared.language_model.native.word_draws import (
    pick,
    pick_among,
    sureness,
    uniform,
)

_now: Any = types.ExternalFunction("clock_gettime", types.intc(types.intc, types.uintp))
_CLOCK = time.CLOCK_MONOTONIC


@compiled
def _stamp(stamps: Any, index: Any, pair: Any) -> None:
    """Write the monotonic time in seconds; `pair` is room for (seconds, nanoseconds)."""
    _now(_CLOCK, pair.ctypes.data)
    stamps[index] = pair[0] + pair[1] * 1e-9


@compiled
def _normed(h: Any, at: Any, weight: Any, out: Any, to: Any) -> None:
    """Write one row of `h` over its root mean square, times a weight."""
    width = len(weight)
    full = width - width % LANES
    square = spread(np.float32(0.0))
    for j in range(0, full, LANES):
        square = fma(load(h, at + j), load(h, at + j), square)
    total = summed(square)
    for j in range(full, width):
        total += h[at + j] * h[at + j]
    scale = np.float32(1.0) / np.sqrt(total / np.float32(width) + np.float32(1e-6))
    for j in range(width):
        out[to + j] = h[at + j] * scale * weight[j]


@compiled
def _norm(h: Any, weight: Any, out: Any, count: Any) -> None:
    for r in range(count):
        _normed(h, r * len(weight), weight, out, r * len(weight))


@compiled
def _gate(both: Any, out: Any, hidden: Any, count: Any) -> None:
    """Write silu(gate) * up for each row (gate, up) of `both`.

    The last vector of a row may run into the next, which comes later; both arrays have room
    for one vector behind the last row.
    """
    one = spread(np.float32(1.0))
    for r in range(count):
        for j in range(0, hidden, LANES):
            gate = load(both, 2 * r * hidden + j)
            up = load(both, (2 * r + 1) * hidden + j)
            store(out, r * hidden + j, over(times(gate, up), plus(one, exponential(minus(gate)))))


@compiled
def _add(h: Any, more: Any, count: Any) -> None:
    for j in range(count):
        h[j] += more[j]


@compiled
def _turn(row: Any, at: Any, heads: Any, cosine: Any, sine: Any, out: Any) -> None:
    """Write one row of queries or keys, rotated."""
    half = len(cosine)
    for head in range(heads):
        base = head * 2 * half
        for j in range(half):
            a, b = row[at + base + j], row[at + base + half + j]
            out[base + j] = a * cosine[j] - b * sine[j]
            out[base + half + j] = b * cosine[j] + a * sine[j]


@compiled
def _keep(
    mixed: Any,
    turns: Any,
    heads: Any,
    keys: Any,
    values: Any,
    tables: Any,
    owners: Any,
    places: Any,
) -> None:
    """Rotate queries in place; write rotated keys and values into their blocks."""
    size, width = keys.shape[1], keys.shape[2]
    for r in range(len(places)):
        place = places[r]
        block, at = tables[owners[r], place // size], 3 * r * width
        cosine, sine = turns[0, place], turns[1, place]
        _turn(mixed, at, heads, cosine, sine, mixed[at : at + width])
        _turn(mixed, at + width, heads, cosine, sine, keys[block, place % size])
        value = values[block, place % size]
        for j in range(width):
            value[j] = mixed[at + 2 * width + j]


@compiled
def _entered(embedding: Any, previous: Any, words: Any, before: Any, h: Any) -> None:
    """Write what words enter with: their own row, and that of the word before where there is a table."""
    width = embedding.shape[1]
    for r in range(len(words)):
        for j in range(width):
            h[r * width + j] = embedding[words[r], j]
    if len(previous) > 0:
        for r in range(len(words)):
            for j in range(width):
                h[r * width + j] += previous[before[r], j]


@compiled
def forward(
    weights: Any, cache: Any, words: Any, before: Any, places: Any, owners: Any, tables: Any
) -> None:
    """Run rows: word `words[r]`, behind `before[r]`, at position `places[r]` of sequence `owners[r]`.

    Writes keys, values and final states into the blocks that `tables` [sequences, most blocks]
    names. Rows of one sequence may come in any order: every layer's keys are written first.
    """
    embedding, norms, qkv, proj, gate_up, down, turns, heads, previous = weights
    keys, values, states = cache
    count, context = len(words), turns.shape[1]
    width, hidden, size = embedding.shape[1], down.shape[2], keys.shape[2]
    h = np.empty(count * width, np.float32)
    normed = np.empty(count * width, np.float32)
    mixed = np.empty(count * 3 * width, np.float32)
    both = np.empty(count * 2 * hidden + LANES, np.float32)
    inner = np.empty(count * hidden + LANES, np.float32)
    _entered(embedding, previous, words, before, h)
    for i in range(norms.shape[0] // 2):
        _norm(h, norms[2 * i], normed, count)
        product(normed, qkv[i], mixed, count)
        _keep(mixed, turns, heads, keys[i], values[i], tables, owners, places)
        attend(mixed, keys[i], values[i], tables, owners, places, heads, context, normed, count)
        product(normed, proj[i], mixed, count)
        _add(h, mixed, count * width)
        _norm(h, norms[2 * i + 1], normed, count)
        product(normed, gate_up[i], both, count)
        _gate(both, inner, hidden, count)
        product(inner, down[i], normed, count)
        _add(h, normed, count * width)
    _norm(h, norms[-1], normed, count)
    for r in range(count):
        state = states[tables[owners[r], places[r] // size], places[r] % size]
        for j in range(width):
            state[j] = normed[r * width + j]


@compiled
def _last_states(cache: Any, tables: Any, lengths: Any, active: Any, out: Any) -> None:
    """Write the final state of each active sequence's last position."""
    states = cache[2]
    size, width = states.shape[1], states.shape[2]
    for i in range(len(active)):
        place = lengths[active[i]] - 1
        state = states[tables[active[i], place // size], place % size]
        for j in range(width):
            out[i * width + j] = state[j]


@compiled
def _run(
    weights: Any,
    cache: Any,
    tables: Any,
    lengths: Any,
    lasts: Any,
    drawn: Any,
    step: Any,
    active: Any,
    eos: Any,
) -> int:
    """Run the words of a step but `<eos>`, which nothing can follow; return how many."""
    words, places = np.empty(len(active), np.int64), np.empty(len(active), np.int64)
    owners, before = np.empty(len(active), np.int64), np.empty(len(active), np.int64)
    count = 0
    for i in range(len(active)):
        s = active[i]
        if drawn[s, step] != eos:
            words[count], places[count], owners[count] = drawn[s, step], lengths[s] - 1, s
            before[count] = lasts[s] if step == 0 else drawn[s, step - 1]
            count += 1
    if count > 0:
        words, before, places = words[:count], before[:count], places[:count]
        forward(weights, cache, words, before, places, owners[:count], tables)
    return count


@compiled
def _unfinished(lengths: Any, ends: Any) -> tuple[Any, Any]:
    """Return the sequences that are short of their ends, and the words that the shortest lacks."""
    most, count, rows = 0, 0, np.empty(len(lengths), np.int64)
    for s in range(len(lengths)):
        most = max(most, ends[s] - lengths[s])
        if ends[s] > lengths[s]:
            rows[count] = s
            count += 1
    return rows[:count], most


@compiled
def _draw(
    logits: Any, masks: Any, s: Any, temperature: Any, top_p: Any, u: Any
) -> tuple[int, float]:
    """Draw a word of sequence s, among those that its mask allows if there are masks."""
    if masks is not None:
        return pick_among(logits, masks[min(s, len(masks) - 1)], temperature, top_p, u)
    return pick(logits, temperature, top_p, u)


@compiled
def decode(
    weights: Any,
    unembedding: Any,
    cache: Any,
    tables: Any,
    lengths: Any,
    lasts: Any,
    ends: Any,
    keys: Any,
    stops: Any,
    spare: Any,
    masks: Any,
    watch: Any,
    limits: Any,
) -> tuple[Any, ...]:
    """Sample from each sequence until a stop word; return words, log-probabilities, counts.

    A step takes the state of each last position to logits, draws a word, and runs the words as one
    batch. `lasts` are the sequences' last words, and none grows beyond its end. `limits`: most words
    in all, temperature, top_p, id of `<eos>`, which is among the `stops`; masks and watch: see
    `draw_options.py`, or None, and then nothing is compiled for them. `tables` has room for the blocks that `spare` [sequences, n] lends.
    `ran[t]` rows were run after step t, whose words were known at `stamps[t]` of the monotonic clock.
    """
    (left, temperature, top_p, eos), steps = limits, 0
    size, n, vocabulary = cache[2].shape[1], len(lengths), len(stops)
    active, most = _unfinished(lengths, ends)
    drawn, chances = np.zeros((n, most), np.int64), np.zeros((n, most), np.float64)
    sure = np.zeros((2, n, 0 if watch is None else most), np.float64)
    pair, counts, lent = np.zeros(2, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    ran, stamps = np.zeros(most, np.int64), np.zeros(most, np.float64)
    rows, logits = np.empty(n * cache[2].shape[2], np.float32), np.empty(n * vocabulary, np.float32)
    for step in range(most):
        if len(active) == 0 or left < len(active):
            break
        _last_states(cache, tables, lengths, active, rows)
        product(rows, unembedding, logits, len(active))
        going, following = 0, np.empty(len(active), np.int64)
        for i in range(len(active)):
            s = active[i]
            u = uniform(keys[s], lengths[s])
            row = logits[i * vocabulary : (i + 1) * vocabulary]
            word, chance = _draw(row, masks, s, temperature, top_p, u)
            if watch is not None:
                sure[0, s, step], sure[1, s, step] = sureness(row, watch)
            drawn[s, step], chances[s, step] = word, chance
            if word != eos and lengths[s] % size == 0:
                tables[s, lengths[s] // size] = spare[s, lent[s]]
                lent[s] += 1
            counts[s] += 1
            lengths[s] += 1
            if not stops[word] and lengths[s] < ends[s]:
                following[going] = s
                going += 1
        _stamp(stamps, step, pair)
        left -= len(active)
        ran[step] = _run(weights, cache, tables, lengths, lasts, drawn, step, active, eos)
        active = following[:going]
        steps = step + 1
    spent = len(active) > 0 and steps < most
    return drawn, chances, counts, lent, ran[:steps], stamps[:steps], spent, sure
