"""Questions on a short ledger, with three answers that must all be right.

    <bos> 3   add4 [ph2 ph2' ph2''] mul5 add1   =   a1 a2 a3

k operations on a stated value, fillers as in the stream; behind `=` come the final value a1, the value before the
last operation a2 (the stated one if k = 1), and a3 = a1 + a2 modulo 7: one answer alone would be hit by luck in
a search. Models are trained on k = 1..4 and asked k = 1..6.

A method sees `Questions`, prompts and their lengths. Training, scoring and oracles hold `Keys`. `redrawn` puts other
fillers into the same questions: what a path owes to luck it loses there.
"""

from dataclasses import dataclass

import numpy as np

from adabench.workloads.depth_width.substrate.stream import (
    ADD,
    BOS,
    EQUAL,
    FILLER,
    MODULUS,
    MUL,
    PHRASE_WORDS,
    PHRASES,
    VALUE,
    Bools,
    Ints,
)

TRAINED_K, ASKED_K = 4, 6
ANSWERS = 3
PAD = 0
LONGEST = 2 + ASKED_K * (PHRASE_WORDS + 1) + 1
"""Tokens of the longest prompt."""
_FIRST_PHRASE, _LATER_PHRASE = 0.5, 0.25


@dataclass(frozen=True)
class Questions:
    """Prompts, padded on the right: int64 [n, longest], and how long each is, [n]."""

    tokens: Ints
    lengths: Ints


@dataclass(frozen=True)
class Exam:
    """A case: questions, and which batch they are."""

    index: int
    questions: Questions


@dataclass(frozen=True)
class Keys:
    """What the generator knows; no method sees it."""

    start: Ints
    """The stated value, [n]."""
    operations: Ints
    """Operation tokens, [n, kmax]; those beyond k mean nothing."""
    k: Ints
    running: Ints
    """The value after each operation, [n, kmax]."""
    answers: Ints
    """The three answer tokens, [n, 3]."""
    places: Ints
    """Where each operation stands in the prompt, [n, kmax]; 0 beyond k."""


@dataclass(frozen=True)
class Asked:
    """Questions with their keys."""

    questions: Questions
    keys: Keys


def ask(generator: np.random.Generator, n: int, kmax: int = ASKED_K) -> Asked:
    """Draw n questions with k uniform in 1..kmax."""
    k = generator.integers(1, kmax + 1, n)
    multiplies = generator.random((n, kmax)) < 0.5
    d = np.where(
        multiplies,
        generator.integers(1, MODULUS, (n, kmax)),
        generator.integers(0, MODULUS, (n, kmax)),
    )
    start = generator.integers(0, MODULUS, n)
    operations = np.where(multiplies, MUL, ADD) + d
    return _written(generator, start, operations, k)


def redrawn(generator: np.random.Generator, keys: Keys) -> Asked:
    """Return the same questions with other fillers."""
    return _written(generator, keys.start, keys.operations, keys.k)


def sibling(generator: np.random.Generator, keys: Keys) -> Asked:
    """Return the same operations on another opening value, with other fillers."""
    start = generator.integers(0, MODULUS, len(keys.start))
    return _written(generator, start, keys.operations, keys.k)


def _values(start: Ints, operations: Ints) -> Ints:
    """Return the value after each operation, [n, kmax]."""
    running, value = np.empty(operations.shape, np.int64), start
    for place, token in enumerate(operations.T):
        value = np.where(token < MUL, value + token - ADD, value * (token - MUL)) % MODULUS
        running[:, place] = value
    return running


def _written(generator: np.random.Generator, start: Ints, operations: Ints, k: Ints) -> Asked:
    n, kmax = operations.shape
    running = _values(start, operations)
    exists = np.arange(kmax) < k[:, None]
    chance = np.where(np.arange(kmax) == 0, _FIRST_PHRASE, _LATER_PHRASE)
    phrased = exists & (generator.random((n, kmax)) < chance)
    phrase = generator.integers(0, PHRASES, (n, kmax))
    tokens, lengths, places = _laid(start, operations, exists, phrased, phrase)
    rows = np.arange(n)
    last = running[rows, k - 1]
    before = np.where(k > 1, running[rows, np.maximum(k - 2, 0)], start)
    answers = VALUE + np.stack((last, before, (last + before) % MODULUS), axis=1)
    keys = Keys(start, operations, k, running, answers, places)
    return Asked(Questions(tokens, lengths), keys)


def _laid(
    start: Ints, operations: Ints, exists: Bools, phrased: Bools, phrase: Ints
) -> tuple[Ints, Ints, Ints]:
    """Lay out the prompts; return tokens, lengths and the places of the operations."""
    n, kmax = operations.shape
    words = FILLER + PHRASE_WORDS * phrase[..., None] + np.arange(PHRASE_WORDS)
    slots = np.concatenate((words, operations[..., None]), axis=2)
    present = np.concatenate(
        (np.repeat(phrased[..., None], PHRASE_WORDS, axis=2), exists[..., None]), axis=2
    )
    line = np.concatenate(
        (np.full((n, 1), BOS), (VALUE + start)[:, None], slots.reshape(n, -1),
         np.full((n, 1), EQUAL)), axis=1,
    )  # fmt: skip
    kept = np.pad(present.reshape(n, -1), ((0, 0), (2, 1)), constant_values=True)
    order = np.argsort(~kept, axis=1, kind="stable")
    lengths = kept.sum(axis=1)
    tokens = np.take_along_axis(np.where(kept, line, PAD), order, axis=1)
    at = np.cumsum(kept, axis=1) - 1
    operand = 2 + np.arange(kmax) * (PHRASE_WORDS + 1) + PHRASE_WORDS
    return tokens, lengths, np.where(exists, at[:, operand], 0)


def completed(asked: Asked) -> Ints:
    """Return prompts followed by their answers, padded on the right, [n, longest + 3]."""
    return with_answers(asked.questions, asked.keys.answers)


def with_answers(questions: Questions, answers: Ints) -> Ints:
    """Return prompts followed by given answers [n, 3]."""
    tokens = np.pad(questions.tokens, ((0, 0), (0, ANSWERS)), constant_values=PAD)
    at = questions.lengths[:, None] + np.arange(ANSWERS)
    np.put_along_axis(tokens, at, answers, axis=1)
    return tokens
