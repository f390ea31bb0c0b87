"""A digest of a vocabulary: what the ids of an engine mean."""

from adabench.workloads.shared.language_model.vocabulary import (
    OWN_VOCABULARY,
    WORDS,
    WordCodec,
    vocabulary_digest,
)


def test_the_digest_names_the_words_and_their_order() -> None:
    assert vocabulary_digest(WORDS) == OWN_VOCABULARY == WordCodec().vocabulary
    swapped = (*WORDS[:-2], WORDS[-1], WORDS[-2])
    others = [WORDS[:-1], swapped, (*WORDS, "more"), ("ab", "c"), ("a", "bc"), ("abc",), ()]
    digests = [vocabulary_digest(words) for words in (WORDS, *others)]
    assert len(set(digests)) == len(digests)
    assert all(len(digest) == 16 for digest in digests)


def test_pieces_of_characters_have_a_digest_too() -> None:
    # Tokenizers of bytes name pieces of characters by lone surrogates.
    assert vocabulary_digest(["\udce9"]) != vocabulary_digest(["\udcea"])


def test_words_go_there_and_back() -> None:
    codec = WordCodec()
    assert codec.decode(codec.encode("4 7 + 3 8 >")) == "4 7 + 3 8 >"
