"""Queries of two natures in one stream: what a value has come to, or which phrase is most frequent.

    <cls> <ask> <bos> 3   [ph2 ph2' ph2''] mul5 = 1   add4 = 5   mul2 ...

Behind the question stands a ledger (`stream.py`), cut to 22..46 tokens, that states its value after each
operation. *Order matters*: the value, modulo 7, where the ledger ends. *Order does not matter*: which of eight
filler phrases stands there most often. Ledgers of both questions are of one distribution, so that nothing but
the question tells them apart. A method sees `Questions`; training, the scorer and oracles hold `Keys`.
"""

from dataclasses import dataclass

import numpy as np

from adabench.workloads.depth_width.substrate.questions import PAD, Questions
from adabench.workloads.depth_width.substrate.stream import (
    ADD,
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
from adabench.workloads.depth_width.substrate.stream import draw as draw_ledgers

CLS, ASKS = 48, (49, 50)
"""The token that sums a query up, and the questions: what value, which phrase."""
MASK, VOCABULARY = 51, 52
VALUE_QUESTION, PHRASE_QUESTION = 0, 1
"""Kinds of questions: order matters, order does not."""
CLASSES = MODULUS + PHRASES
"""Answers: the values, then the phrases."""
HEAD, SHORTEST, LONGEST = 2, 22, 46
"""Tokens before a ledger, and tokens of a ledger."""
FAVOUR = 0.4
"""The chance that a phrase is replaced by the one that its ledger favours."""
KMAX = 1
"""Operations between two stated values: with two or more a single GRU does not learn to follow the value
from answers alone in a minute, which was settled before any mixture had been trained."""
_SPARE = 2
"""Ledgers are draw_seeded so many times over, for those that have two most frequent phrases are left out."""


@dataclass(frozen=True)
class Keys:
    """What the generator knows; no method sees it."""

    kind: Ints
    """`VALUE_QUESTION` or `PHRASE_QUESTION`, [n]."""
    answers: Ints
    """The class of the right answer, [n]."""
    classes: int = 0
    """Of answers to questions of one kind alone; 0 where there are values and phrases."""

    def others(self, generator: np.random.Generator) -> Ints:
        """Return wrong answers, each another one to the same question."""
        of_value = self.kind == VALUE_QUESTION
        first = np.where(of_value, 0, MODULUS)
        size = np.where(of_value, self.classes or MODULUS, PHRASES)
        shift = generator.integers(1, size)
        return np.asarray(first + (self.answers - first + shift) % size, np.int64)


@dataclass(frozen=True)
class KeyedQueries:
    """Queries with their keys."""

    questions: Questions
    keys: Keys


def draw(generator: np.random.Generator, count: int) -> KeyedQueries:
    """Draw so many queries, half of either kind on average, in no order."""
    ledgers, lengths = _ledgers(generator, count)
    return ask(ledgers, lengths, generator.integers(0, len(ASKS), count))


def draw_seeded(count: int, *seeds: int) -> KeyedQueries:
    """Draw queries from a stream keyed by all of the numbers."""
    return draw(np.random.Generator(np.random.PCG64(np.random.SeedSequence(seeds))), count)


def ask(ledgers: Ints, lengths: Ints, kind: Ints) -> KeyedQueries:
    """Ask questions [n] about ledgers [n, 46], of which so many tokens are there."""
    there = np.arange(ledgers.shape[1]) < lengths[:, None]
    answers = np.where(
        kind == VALUE_QUESTION,
        _values(ledgers, there),
        MODULUS + _phrase_counts(ledgers, there).argmax(1),
    )
    head = np.stack([np.full(len(kind), CLS), np.array(ASKS)[kind]], axis=1)
    tokens = np.concatenate([head, np.where(there, ledgers, PAD)], axis=1)
    return KeyedQueries(Questions(tokens, lengths + HEAD), Keys(kind, answers))


def sibling(query: KeyedQueries) -> KeyedQueries:
    """Return the same operations on another opening value, and each phrase the next one.

    Every value that the ledger comes to differs then, and so does the most frequent phrase: who is right
    in both did not guess.
    """
    tokens = query.questions.tokens[:, HEAD:].copy()
    for place in range(1, tokens.shape[1]):
        column = tokens[:, place]
        states = (column >= VALUE) & (column < ADD)
        if place == 1:
            value = (column - VALUE + 1) % MODULUS
        adds, multiplies = (column >= ADD) & (column < MUL), (column >= MUL) & (column < FILLER)
        value = np.where(adds, (value + column - ADD) % MODULUS, value)
        value = np.where(multiplies, value * (column - MUL) % MODULUS, value)
        column[states] = VALUE + value[states]
    fillers = (tokens >= FILLER) & (tokens < CLS)
    size = PHRASES * PHRASE_WORDS
    turned = FILLER + (tokens - FILLER + PHRASE_WORDS) % size
    lengths = query.questions.lengths - HEAD
    return ask(np.where(fillers, turned, tokens), lengths, query.keys.kind)


def _ledgers(generator: np.random.Generator, count: int) -> tuple[Ints, Ints]:
    """Draw ledgers that have one most frequent phrase, and how long each is."""
    found: list[tuple[Ints, Ints]] = []
    while sum(len(lengths) for _, lengths in found) < count:
        corpus = draw_ledgers(generator, _SPARE * count, KMAX, LONGEST)
        words = corpus.labels.word
        ledgers = _favoured(generator, np.asarray(corpus.inputs), words)
        lengths = generator.integers(SHORTEST, LONGEST + 1, len(ledgers))
        there = np.arange(LONGEST) < lengths[:, None]
        counts = np.sort(_phrase_counts(ledgers, there), axis=1)
        clear = counts[:, -1] > counts[:, -2]
        found.append((ledgers[clear], lengths[clear]))
    ledgers, lengths = (np.concatenate(parts)[:count] for parts in zip(*found, strict=True))
    return ledgers, lengths


def _favoured(generator: np.random.Generator, ledgers: Ints, words: Ints) -> Ints:
    """Replace phrases by the one that each ledger favours, whole phrases at a time."""
    n, length = ledgers.shape
    favourite = generator.integers(0, PHRASES, (n, 1))
    which = np.cumsum(words == 1, axis=1)  # the number of the phrase that a word belongs to
    replaced = generator.random((n, length + 1)) < FAVOUR
    chosen = (words > 0) & np.take_along_axis(replaced, which, axis=1)
    return np.where(chosen, FILLER + PHRASE_WORDS * favourite + words - 1, ledgers)


def _phrase_counts(ledgers: Ints, there: Bools) -> Ints:
    """Count each phrase by its first word, [n, 8]."""
    firsts = FILLER + PHRASE_WORDS * np.arange(PHRASES)
    return np.stack([((ledgers == first) & there).sum(axis=1) for first in firsts], axis=1)


def _values(ledgers: Ints, there: Bools) -> Ints:
    """Return what each ledger has come to where it ends, [n]."""
    value = np.zeros(len(ledgers), np.int64)
    for place in range(1, ledgers.shape[1]):
        token = np.where(there[:, place], ledgers[:, place], EQUAL)
        value = np.where((token >= VALUE) & (token < ADD), token - VALUE, value)
        value = np.where((token >= ADD) & (token < MUL), (value + token - ADD) % MODULUS, value)
        value = np.where((token >= MUL) & (token < FILLER), value * (token - MUL) % MODULUS, value)
    return value
