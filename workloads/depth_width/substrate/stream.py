"""The ledger: a stream of operations on a value in Z_7, with checkpoints that state it.

    <bos> 3   add4 mul2   =  0   [ph2 ph2' ph2''] mul5 [ph0 ph0' ph0''] add1 add6  =  0  ...

A segment has k operations, k uniform in 1..kmax, then `=` and the value (the *answer*); the next segment goes on
from there. The maps `v + d` and `v d` modulo 7 do not commute, so a causal model must chain k maps through its
layers. Phrases of three filler words stand before the first operation with probability 1/2 and before a later
one with 1/4; words two and three follow from the first.

What a position *is* (filler, operand, `=`, value; k; the running value) is kept in `Labels`, which a model never sees.

    vocabulary  0 pad · 1 bos · 2 `=` · 3-9 values · 10-16 add_0..6 · 17-23 mul_0..6 (17
                unused) · 24-47 fillers, word i of phrase j = 24 + 3 j + i · 48-63 free
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

VOCABULARY = 64
MODULUS = 7
BOS, EQUAL, VALUE, ADD, MUL, FILLER = 1, 2, 3, 10, 17, 24
PHRASES, PHRASE_WORDS = 8, 3
KMAX = 4
TOKENS = 64
"""Inputs of a sequence: 65 tokens are drawn, 0..63 are inputs, 1..64 targets."""
CLASSES = ("bos", "filler", "operand", "equal", "value")
"""Input classes, in the order of their numbers in `Labels.kind`."""

_SLOTS = PHRASE_WORDS + 1  # a phrase and its operation
_FIRST_PHRASE, _LATER_PHRASE = 0.5, 0.25


@dataclass(frozen=True)
class Labels:
    """What the generator knows about each input position; every array is [sequences, 64]."""

    kind: Ints
    """Index into `CLASSES`."""
    k: Ints
    """Operations in the position's segment; 0 for the opening `<bos> v`."""
    running: Ints
    """The value after the operation at an operand position; -1 elsewhere."""
    index: Ints
    """1..k at the operands of a segment; 0 elsewhere."""
    word: Ints
    """1..3 at the words of a phrase; 0 elsewhere."""

    def of(self, name: str) -> Bools:
        """Return where the input class is `name`."""
        return np.asarray(self.kind == CLASSES.index(name))

    def pick(self, rows: Any) -> "Labels":
        """Return the labels of some sequences."""
        return Labels(**{part.name: getattr(self, part.name)[rows] for part in fields(self)})


@dataclass(frozen=True)
class Corpus:
    """Sequences as int64 tokens [n, 65], and what is known about their inputs."""

    tokens: Ints
    labels: Labels

    @property
    def inputs(self) -> Ints:
        """Tokens 0..63, [n, 64]."""
        return self.tokens[:, :-1]

    @property
    def targets(self) -> Ints:
        """Tokens 1..64, [n, 64]."""
        return self.tokens[:, 1:]


def draw(
    generator: np.random.Generator, sequences: int, kmax: int = KMAX, tokens: int = TOKENS
) -> Corpus:
    """Draw `sequences` ledgers of `tokens` + 1 tokens.

    Args:
        generator: the source of all randomness.
        sequences: how many.
        kmax: the largest number of operations between two stated values, at most 4.
        tokens: inputs of a sequence.
    """
    segments = tokens // 3 + 1  # the shortest segment has three tokens
    grid = (sequences, segments, KMAX)
    k = generator.integers(1, kmax + 1, (sequences, segments, 1))
    exists = np.arange(KMAX) < k  # [n, segments, 4]
    chance = np.where(np.arange(KMAX) == 0, _FIRST_PHRASE, _LATER_PHRASE)
    phrased = exists & (generator.random(grid) < chance)
    phrase = generator.integers(0, PHRASES, grid)
    multiplies = generator.random(grid) < 0.5
    d = np.where(
        multiplies, generator.integers(1, MODULUS, grid), generator.integers(0, MODULUS, grid)
    )
    start = generator.integers(0, MODULUS, sequences)
    running = _values(start, exists, multiplies, d)
    operation = np.where(multiplies, MUL, ADD) + d
    return _compact(start, k, exists, phrased, phrase, operation, running, tokens)


def _values(start: Ints, exists: Bools, multiplies: Bools, d: Ints) -> Ints:
    """Scan the operations: the value after each, [n, segments, 4]."""
    running = np.empty(d.shape, np.int64)
    value = start.copy()
    for segment, place in np.ndindex(d.shape[1:]):
        step = d[:, segment, place]
        after = np.where(multiplies[:, segment, place], value * step, value + step) % MODULUS
        value = np.where(exists[:, segment, place], after, value)
        running[:, segment, place] = value
    return running


def _compact(
    start: Ints,
    k: Ints,
    exists: Bools,
    phrased: Bools,
    phrase: Ints,
    operation: Ints,
    running: Ints,
    tokens: int,
) -> Corpus:
    """Lay all slots of the grid in a row, drop those that do not exist, cut to length."""
    n, segments, _ = operation.shape
    shape = (n, segments, KMAX, _SLOTS)
    word = np.broadcast_to(np.arange(1, _SLOTS + 1) % _SLOTS, shape)  # 1, 2, 3, 0
    is_word = word > 0
    token = np.where(
        is_word,
        FILLER + PHRASE_WORDS * phrase[..., None] + word - 1,
        operation[..., None],
    )
    present = np.where(is_word, phrased[..., None], exists[..., None])
    index = np.where(is_word, 0, np.arange(1, KMAX + 1)[:, None])
    parts = {
        "token": _line(token, start + VALUE, (EQUAL, running[:, :, -1] + VALUE), BOS),
        "present": _line(present, 1, (1, 1), 1),
        "kind": _line(np.where(is_word, 1, 2), 4, (3, 4), 0),
        "k": _line(np.broadcast_to(k[..., None], shape), 0, (k[:, :, 0], k[:, :, 0]), 0),
        "running": _line(np.where(is_word, -1, running[..., None]), -1, (-1, -1), -1),
        "index": _line(index, 0, (0, 0), 0),
        "word": _line(word, 0, (0, 0), 0),
    }
    # A stable sort moves what exists to the front and keeps its order.
    order = np.argsort(1 - parts.pop("present"), axis=1, kind="stable")[:, : tokens + 1]
    drawn = {name: np.take_along_axis(part, order, axis=1) for name, part in parts.items()}
    sequence = drawn.pop("token")
    return Corpus(sequence, Labels(**{name: part[:, :-1] for name, part in drawn.items()}))


def _line(operations: Ints, opening: Any, closing: tuple[Any, Any], bos: int) -> Ints:
    """Put a grid [n, segments, 4, 4] with its segments' two closing slots behind `<bos> v`."""
    n, segments = operations.shape[:2]
    line = np.empty((n, segments, KMAX * _SLOTS + 2), np.int64)
    line[..., :-2] = np.broadcast_to(operations, (n, segments, KMAX, _SLOTS)).reshape(
        n, segments, -1
    )
    line[..., -2], line[..., -1] = closing
    head = np.empty((n, 2), np.int64)
    head[:, 0], head[:, 1] = bos, opening
    return np.concatenate([head, line.reshape(n, -1)], axis=1)
