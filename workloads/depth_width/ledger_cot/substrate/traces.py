"""Questions that are reckoned step by step, and the grammar of its traces.

    question   <bos> v  i1 op_1  i2 op_2 ... in op_n  <sep>        n uniform in 4..8
    verbose    op_i  i i' i''  s_{i-1} = s_i      for i = 1..n      7 tokens a step
    terse      s_i                                for i = 1..n      1 token a step
    end        <answer> s_n

An operation maps the value of Z_7 that stands so far. `i` is the first word of phrase i (`i i' i''`, the stream's
fillers), `s_0 = v`. With probability 0.4 a step is *trivial*: add_0, mul_1 or `same`, each a third. The others
are add_1..6 and mul_2..6. Whoever speaks of saved tokens has to say against which: 7 n + 2 or n + 2.

A method sees `Questions`. Training, scoring and oracles hold `Keys`: steps, values, which step is critical.
"""

from dataclasses import dataclass, replace

import numpy as np

from adabench.workloads.depth_width.substrate.questions import PAD, Questions
from adabench.workloads.depth_width.substrate.stream import (
    ADD,
    BOS,
    EQUAL,
    FILLER,
    MODULUS,
    MUL,
    PHRASE_WORDS,
    VALUE,
    Bools,
    Ints,
)

FEWEST, MOST = 4, 8
"""Operations of a question."""
TRIVIAL = 0.4
SEP, HALF, ANSWER, SAME, PAUSE = 49, 50, 51, 60, 61
"""`HALF` ends a question in place of `SEP`: the terse trace, or one latent step for two."""
VERBOSE_STEP, TERSE_STEP = 7, 1
"""Tokens of a step."""


@dataclass(frozen=True)
class Keys:
    """What the generator knows; no method sees it."""

    start: Ints
    """The stated value, [n]."""
    operations: Ints
    """Operation tokens, [n, 8]; those beyond `steps` mean nothing."""
    steps: Ints
    """[n]."""
    running: Ints
    """The value after each step, [n, 8]."""
    critical: Bools
    """Does the step change the value, as an operation? [n, 8]; False beyond `steps`."""
    answers: Ints
    """The answer's token, [n]."""


@dataclass(frozen=True)
class Reckoned:
    """Questions with their keys."""

    questions: Questions
    keys: Keys


def pose(
    generator: np.random.Generator, n: int, most: int = MOST, fewest: int = FEWEST
) -> Reckoned:
    """Draw n questions of `fewest` to `most` operations."""
    grid = (n, MOST)
    steps = generator.integers(fewest, most + 1, n)
    trivial = generator.random(grid) < TRIVIAL
    plain = np.where(
        generator.random(grid) < 0.5,
        ADD + generator.integers(1, MODULUS, grid),
        MUL + generator.integers(2, MODULUS, grid),
    )
    idle = np.array([ADD, MUL + 1, SAME])[generator.integers(0, 3, grid)]
    operations = np.where(trivial, idle, plain)
    start = generator.integers(0, MODULUS, n)
    running = _values(start, operations)
    critical = ~trivial & (np.arange(MOST) < steps[:, None])
    answers = VALUE + running[np.arange(n), steps - 1]
    keys = Keys(start, operations, steps, running, critical, answers)
    return Reckoned(_asked(keys), keys)


def sibling(generator: np.random.Generator, keys: Keys) -> Reckoned:
    """Return the same operations on another opening value."""
    shift = generator.integers(1, MODULUS, len(keys.start))
    start = (keys.start + shift) % MODULUS
    running = _values(start, keys.operations)
    answers = VALUE + running[np.arange(len(start)), keys.steps - 1]
    other = replace(keys, start=start, running=running, answers=answers)
    return Reckoned(_asked(other), other)


def _values(start: Ints, operations: Ints) -> Ints:
    """Return the value after each operation, [n, 8]."""
    running, value = np.empty(operations.shape, np.int64), start
    for place, token in enumerate(operations.T):
        summed, product = value + token - ADD, value * (token - MUL)
        after = np.where(token < MUL, summed, product) % MODULUS
        value = np.where(token == SAME, value, after)
        running[:, place] = value
    return running


def _asked(keys: Keys) -> Questions:
    """Write the questions, padded on the right."""
    n, most = keys.operations.shape
    tokens = np.full((n, 2 + 2 * most + 1), PAD, np.int64)
    tokens[:, 0], tokens[:, 1] = BOS, VALUE + keys.start
    exists = np.arange(most) < keys.steps[:, None]
    tokens[:, 2:-1:2] = np.where(exists, FILLER + PHRASE_WORDS * np.arange(most), PAD)
    tokens[:, 3:-1:2] = np.where(exists, keys.operations, PAD)
    lengths = 3 + 2 * keys.steps
    tokens[np.arange(n), lengths - 1] = SEP
    return Questions(tokens, lengths)


def trace(keys: Keys, *, verbose: bool) -> Ints:
    """Return every step in words, [n, 8, tokens of a step]; steps beyond the last are padding."""
    n, most = keys.operations.shape
    after = VALUE + keys.running
    if verbose:
        before = np.concatenate((VALUE + keys.start[:, None], after[:, :-1]), axis=1)
        number = np.broadcast_to(FILLER + PHRASE_WORDS * np.arange(most), (n, most))
        words = [
            keys.operations,
            number,
            number + 1,
            number + 2,
            before,
            np.full_like(after, EQUAL),
            after,
        ]
    else:
        words = [after]
    exists = np.arange(most) < keys.steps[:, None]
    return np.where(exists[..., None], np.stack(words, axis=2), PAD)


def written(reckoned: Reckoned, said: Ints) -> tuple[Ints, Ints]:
    """Return questions followed by their traces [n, 8, s], `<answer>` and the answer.

    Also where each row's last token stands, [n].
    """
    questions, keys = reckoned.questions, reckoned.keys
    n, _, per_step = said.shape
    rows = np.arange(n)
    last = questions.lengths + per_step * keys.steps + 1
    tokens = np.full((n, int(last.max()) + 1), PAD, np.int64)
    tokens[:, : questions.tokens.shape[1]] = questions.tokens[:, : tokens.shape[1]]
    flat = said.reshape(n, -1)
    at = questions.lengths[:, None] + np.arange(flat.shape[1])
    inside = np.arange(flat.shape[1]) < per_step * keys.steps[:, None]
    i, j = np.nonzero(inside)
    tokens[i, at[i, j]] = flat[i, j]
    tokens[rows, last - 1], tokens[rows, last] = ANSWER, keys.answers
    return tokens, last
