"""Pieces of text as ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.backends.text_pieces import (
    END,
    TextPieces,
    piece_id,
    text_bytes,
)
from adabench.workloads.shared.language_model.vocabulary import OWN_VOCABULARY, VOCABULARY, encode

CODEC = TextPieces()


@given(st.text())
def test_a_text_comes_back_whatever_is_in_it(text):
    ids = CODEC.encode(text)
    assert CODEC.decode(ids) == text
    assert CODEC.decode([*ids, END]) == text
    assert all(word > 255 for word in ids)


def test_words_are_cut_about_as_a_tokenizer_cuts_them():
    ids = CODEC.encode("Step 1: 47 + 8 = 55\n")
    assert [CODEC.decode([word]) for word in ids] == [
        "Step", " 1", ":", " 47", " +", " 8", " =", " 55", "\n",
    ]  # fmt: skip


def test_a_sign_that_was_cut_is_whole_again():
    first, second = "é".encode()[:1], "é".encode()[1:]
    assert CODEC.decode([piece_id(first), piece_id(second)]) == "é"


def test_ids_of_another_vocabulary_are_refused():
    assert CODEC.vocabulary != OWN_VOCABULARY
    for word in encode("<bos> 4 7 >"):
        with pytest.raises(SelectionError, match="belongs to another vocabulary"):
            CODEC.decode([word])
    assert all(word >= 256 > VOCABULARY for word in CODEC.encode("4 7"))


def test_a_mark_is_one_piece():
    (mark,) = CODEC.stops("\n\n")
    assert text_bytes([mark]) == b"\n\n"
