"""The ledger with operands that hold two maps at once.

    <bos> 3   aff3,2  mul2  =  1   [ph2 ph2' ph2'']  aff6,1  add4  =  5  ...

A fifth of the operands are affine maps a v + b, `mul_a` and `add_b` in one: a position has to look up one of 43
tables rather than of 13. A stream of `stream.py` is drawn and written over, and one scan puts the values
right, so `Labels` mean the same.

    vocabulary  0-47 as in the ledger · 48-63 unused · 64 + 6 (a - 2) + (b - 1) the maps a v + b
"""

from dataclasses import replace

import numpy as np

from adabench.workloads.depth_width.substrate import stream
from adabench.workloads.depth_width.substrate.stream import (
    ADD,
    FILLER,
    KMAX,
    MODULUS,
    MUL,
    TOKENS,
    VALUE,
    Bools,
    Corpus,
    Ints,
)

VOCABULARY = 96
AFFINE = 64
FACTORS, SHIFTS = range(2, MODULUS), range(1, MODULUS)
SHARE = 0.2
"""Of the operands, the affine ones."""


def draw(
    generator: np.random.Generator, sequences: int, kmax: int = KMAX, tokens: int = TOKENS
) -> Corpus:
    """Draw `sequences` ledgers of `tokens` + 1 tokens, half of the operands affine."""
    plain = stream.draw(generator, sequences, kmax, tokens)
    shape = plain.tokens.shape
    factor = generator.integers(FACTORS[0], FACTORS[-1] + 1, shape)
    shift = generator.integers(SHIFTS[0], SHIFTS[-1] + 1, shape)
    operand = _operands(plain.tokens)
    drawn = operand & (generator.random(shape) < SHARE)
    token = np.where(drawn, named(factor, shift), plain.tokens)
    return _revalued(replace(plain, tokens=token), operand)


def sibling(generator: np.random.Generator, corpus: Corpus) -> Corpus:
    """Return the same operations on other opening values; no value stays, as maps are bijective."""
    tokens = corpus.tokens.copy()
    shift = generator.integers(1, MODULUS, len(tokens))
    tokens[:, 1] = VALUE + (tokens[:, 1] - VALUE + shift) % MODULUS
    return _revalued(replace(corpus, tokens=tokens), _operands(tokens))


def _operands(tokens: Ints) -> Bools:
    """Return where operands of any kind are."""
    return np.asarray(((tokens >= ADD) & (tokens < FILLER)) | (tokens >= AFFINE), np.bool_)


def named(factor: Ints, shift: Ints) -> Ints:
    """Return the tokens of the maps factor x v + shift."""
    return np.asarray(AFFINE + len(SHIFTS) * (factor - FACTORS[0]) + shift - SHIFTS[0], np.int64)


def applied(token: Ints, value: Ints) -> Ints:
    """Return the value after an operand of any kind."""
    place = np.maximum(token - AFFINE, 0)
    composed = value * (place // len(SHIFTS) + FACTORS[0]) + place % len(SHIFTS) + SHIFTS[0]
    plain = np.where(token < MUL, value + token - ADD, value * (token - MUL))
    return np.asarray(np.where(token >= AFFINE, composed, plain) % MODULUS, np.int64)


def _revalued(corpus: Corpus, operand: Bools) -> Corpus:
    """Scan along the positions and put the stated and the running values right."""
    tokens, running = corpus.tokens.copy(), corpus.labels.running.copy()
    stated = (tokens >= VALUE) & (tokens < ADD)
    value = tokens[:, 1] - VALUE
    for place in range(2, tokens.shape[1]):
        here = operand[:, place]
        value = np.where(here, applied(tokens[:, place], value), value)
        tokens[:, place] = np.where(stated[:, place], VALUE + value, tokens[:, place])
        if place < running.shape[1]:
            running[:, place] = np.where(here, value, -1)
    return Corpus(tokens, replace(corpus.labels, running=running))
