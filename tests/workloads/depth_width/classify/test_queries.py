"""Generated queries: their keys, their siblings, and what tells the two kinds apart."""

import numpy as np
import pytest

from adabench.workloads.depth_width.classify.substrate import queries
from adabench.workloads.depth_width.classify.substrate.queries import (
    ASKS,
    CLS,
    HEAD,
    LONGEST,
    PHRASE_QUESTION,
    SHORTEST,
    VALUE_QUESTION,
    KeyedQueries,
    ask,
    draw_seeded,
    sibling,
)
from adabench.workloads.depth_width.substrate.stream import (
    ADD,
    FILLER,
    MODULUS,
    MUL,
    PHRASE_WORDS,
    VALUE,
)

COUNT = 400


@pytest.fixture(scope="module")
def drawing() -> KeyedQueries:
    return draw_seeded(COUNT, 5)


def ledger_of(query: KeyedQueries, row: int) -> list[int]:
    length = int(query.questions.lengths[row])
    return query.questions.tokens[row, HEAD:length].tolist()


def by_hand(ledger: list[int], kind: int) -> int:
    """Read a ledger token by token."""
    value, phrases = None, {}
    for token in ledger:
        if VALUE <= token < ADD:
            value = token - VALUE
        elif ADD <= token < MUL:
            value = (value + token - ADD) % MODULUS
        elif MUL <= token < FILLER:
            value = value * (token - MUL) % MODULUS
        elif token >= FILLER and (token - FILLER) % PHRASE_WORDS == 0:
            phrase = (token - FILLER) // PHRASE_WORDS
            phrases[phrase] = phrases.get(phrase, 0) + 1
    if kind == VALUE_QUESTION:
        return value
    best = max(phrases, key=phrases.get)
    assert list(phrases.values()).count(phrases[best]) == 1
    return MODULUS + best


def test_the_keys_are_what_a_reader_finds(drawing: KeyedQueries) -> None:
    kinds = drawing.keys.kind
    said = [by_hand(ledger_of(drawing, row), int(kinds[row])) for row in range(COUNT)]
    assert said == drawing.keys.answers.tolist()


def test_a_query_begins_with_its_summary_token_and_its_question(drawing: KeyedQueries) -> None:
    tokens = drawing.questions.tokens
    assert (tokens[:, 0] == CLS).all()
    assert (tokens[:, 1] == np.array(ASKS)[drawing.keys.kind]).all()
    assert not np.isin(tokens[:, HEAD:], [CLS, *ASKS]).any()
    assert drawing.questions.lengths.min() >= SHORTEST + HEAD
    assert drawing.questions.lengths.max() <= LONGEST + HEAD


def test_nothing_but_the_question_tells_the_kinds_apart(drawing: KeyedQueries) -> None:
    """Any ledger may be asked either way: the other question of it has an answer, too."""
    ledgers = drawing.questions.tokens[:, HEAD:]
    lengths = drawing.questions.lengths - HEAD
    other = ask(ledgers, lengths, 1 - drawing.keys.kind)
    rows = range(COUNT)
    said = [by_hand(ledger_of(other, row), int(other.keys.kind[row])) for row in rows]
    assert said == other.keys.answers.tolist()
    assert 0.4 < drawing.keys.kind.mean() < 0.6


def test_order_matters_for_values_alone(drawing: KeyedQueries) -> None:
    """With the same operations the other way round values differ; with phrases swapped counts do not."""
    ledgers, lengths = drawing.questions.tokens[:, HEAD:].copy(), drawing.questions.lengths - HEAD
    operations = (ledgers >= ADD) & (ledgers < FILLER)
    for row, where in zip(ledgers, operations, strict=True):
        row[where] = row[where][::-1]
    for kind, changes in ((VALUE_QUESTION, True), (PHRASE_QUESTION, False)):
        kinds = np.full(COUNT, kind)
        before = ask(drawing.questions.tokens[:, HEAD:], lengths, kinds).keys.answers
        after = ask(ledgers, lengths, kinds).keys.answers
        assert ((before != after).mean() > 0.3) == changes


def test_a_sibling_asks_the_same_and_its_answers_differ(drawing: KeyedQueries) -> None:
    other = sibling(drawing)
    assert (other.keys.kind == drawing.keys.kind).all()
    assert (other.questions.lengths == drawing.questions.lengths).all()
    assert (other.keys.answers != drawing.keys.answers).all()
    rows = range(COUNT)
    said = [by_hand(ledger_of(other, row), int(other.keys.kind[row])) for row in rows]
    assert said == other.keys.answers.tolist()


def test_wrong_keys_are_other_answers_to_the_same_question(drawing: KeyedQueries) -> None:
    wrong = drawing.keys.others(np.random.default_rng(0))
    assert (wrong != drawing.keys.answers).all()
    assert ((wrong < MODULUS) == (drawing.keys.kind == VALUE_QUESTION)).all()
    assert wrong.max() < queries.CLASSES


def test_a_stream_is_keyed_by_all_its_numbers() -> None:
    one, same, other = draw_seeded(32, 1, 2), draw_seeded(32, 1, 2), draw_seeded(32, 2, 1)
    assert (one.questions.tokens == same.questions.tokens).all()
    assert (one.questions.tokens != other.questions.tokens).any()
