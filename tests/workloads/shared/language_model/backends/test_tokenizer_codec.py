"""A tokenizer as a codec: words, digest, marks."""

import pickle
from pathlib import Path

import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.vocabulary import OWN_VOCABULARY

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")

from adabench.workloads.shared.language_model.backends.tokenizer_codec import (
    TokenizerCodec,
    text_steps,
)

TEXT = "Step 1: 3 + 4 = 7.\nAnswer: 7\n\n"


@pytest.fixture
def codec(llama_folder: Path) -> TokenizerCodec:
    tokenizer = transformers.AutoTokenizer.from_pretrained(llama_folder)
    return TokenizerCodec(tokenizer, frozenset({2}))


def test_a_text_comes_back_and_ends_have_none(codec):
    ids = codec.encode(TEXT)
    assert codec.decode(ids) == TEXT
    assert codec.decode([*ids, 2]) == TEXT


def test_the_digest_is_of_the_words_and_their_order(codec):
    other = transformers.AutoTokenizer.from_pretrained(codec.tokenizer.name_or_path)
    other.add_tokens(["<more>"])
    digests = {codec.vocabulary, OWN_VOCABULARY, TokenizerCodec(other, codec.ends).vocabulary}
    assert len(digests) == 3
    assert pickle.loads(pickle.dumps(codec)).vocabulary == codec.vocabulary


def test_every_word_with_a_mark_in_it_stops(codec):
    stops = codec.stops("\n")
    texts = {codec.decode([word]) for word in stops}
    assert "\n" in texts
    assert any(len(text) > 1 for text in texts), "the tokenizer was to have longer ones"
    everything = {codec.decode([word]): word for word in range(codec.size)}
    assert stops == {word for text, word in everything.items() if "\n" in text}
    spelled = codec.encode(TEXT)
    assert sum(word in stops for word in spelled) <= TEXT.count("\n")


def test_steps_are_read_from_the_text_where_a_word_reaches_over_their_end(codec):
    ids = codec.encode(TEXT)
    assert codec.steps(ids, "\n") == ["Step 1: 3 + 4 = 7.\n", "Answer: 7\n", "\n"]
    assert text_steps("a;b", ";") == ["a;", "b"]
    assert text_steps("", ";") == []


def test_a_mark_that_several_words_may_spell_is_refused(codec):
    with pytest.raises(SelectionError, match="several words may spell it together"):
        codec.stops("Answer:")
    assert codec.stops("<pad>") == {0}


def test_without_a_template_there_is_no_conversation(codec):
    with pytest.raises(SelectionError, match="no chat template"):
        codec.chat([{"role": "user", "content": "Hi"}])
    codec.tokenizer.chat_template = "{% for m in messages %}<s>{{ m.content }}{% endfor %}"
    assert codec.chat([{"role": "user", "content": "7"}])[0] == 1
