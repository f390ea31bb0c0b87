"""Stop strings: the same words as without them, up to the word that finishes a string."""

from pathlib import Path
from typing import Any

import pytest

from adabench.workloads.shared.language_model import stop_strings
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.contract import BudgetSpent, Costs
from adabench.workloads.shared.language_model.stop_strings import StopStrings, cut
from adabench.workloads.shared.sources.model_source import open_model
from adabench.workloads.shared.sources.model_spec import ModelSpec

PROMPT, ROOM, LEAVES = "Step 1: 3 + 4 = ", 48, 6


@pytest.fixture(scope="module")
def opened(llama_folder: Path) -> Any:
    return open_model(ModelSpec("hf", str(llama_folder)))


def drawn(engine: Any, codec: Any, budget: int | None = None, **how: Any) -> list[Any]:
    engine.reset(Costs(budget=budget))
    leaves = engine.fork(engine.open(codec.encode(PROMPT), 7), LEAVES)
    engine.decode(leaves, max_new=ROOM, temperature=1.0, **how)
    return leaves


@pytest.fixture(scope="module")
def whole(opened: Any) -> list[str]:
    """What is drawn without stops."""
    leaves = drawn(opened.engine, opened.codec)
    return [opened.codec.decode(leaf.completion) for leaf in leaves]


@pytest.fixture(scope="module")
def string(whole: list[str]) -> str:
    """A string of two signs that some completions hold and others do not."""
    pairs = {text[i : i + 2] for text in whole for i in range(len(text) - 1)}
    halves = (pair for pair in sorted(pairs) if pair.isascii() and pair.isprintable())
    return next(p for p in halves if 1 < sum(p in text for text in whole) < LEAVES)


def test_words_are_the_same_up_to_the_string(opened: Any, whole: list[str], string: str):
    engine = StopStrings(opened.engine, opened.codec)
    engine.stops = (string, "never said")
    leaves = drawn(engine, opened.codec)
    for leaf, text in zip(leaves, whole, strict=True):
        found = opened.codec.decode(leaf.completion)
        assert text.startswith(found)
        assert cut(found, engine.stops) == cut(text, engine.stops)
        before = opened.codec.decode(leaf.completion[:-1])
        assert string not in before  # not a word more than is needed
        assert leaf.finished or string not in text


def test_counts_are_of_the_words_that_were_drawn(opened: Any, string: str):
    engine = StopStrings(opened.engine, opened.codec)
    engine.stops = (string,)
    leaves = drawn(engine, opened.codec)
    lengths = [len(leaf.completion) for leaf in leaves]
    assert engine.costs.meter["generated"] == sum(lengths)
    assert engine.costs.meter["serial_steps"] == max(lengths)


def test_an_engine_without_limits_draws_the_same(opened: Any, string: str):
    class Bare:
        caps = opened.engine.caps - {"limits"}

        def __getattr__(self, name: str) -> Any:
            return getattr(opened.engine, name)

        def decode(self, seqs: Any, *, max_new: int, **how: Any) -> Any:
            assert isinstance(max_new, int)
            return opened.engine.decode(seqs, max_new=max_new, **how)

    found = []
    for inner in (opened.engine, Bare()):
        engine = StopStrings(inner, opened.codec)
        engine.stops = (string,)
        found.append([leaf.completion for leaf in drawn(engine, opened.codec)])
    assert found[0] == found[1]


def test_a_step_stops_at_its_mark_all_the_same(opened: Any):
    marks = opened.codec.stops("+")
    plain = drawn(opened.engine, opened.codec, stop=marks)
    engine = StopStrings(opened.engine, opened.codec)
    engine.stops = ("never said",)
    stopped = drawn(engine, opened.codec, stop=marks)
    assert [leaf.completion for leaf in stopped] == [leaf.completion for leaf in plain]
    assert any(leaf.completion[-1] in marks and not leaf.finished for leaf in stopped)


def test_a_budget_ends_in_mid_flight(opened: Any, string: str):
    engine = StopStrings(opened.engine, opened.codec)
    engine.stops = (string,)
    with pytest.raises(BudgetSpent):
        drawn(engine, opened.codec, budget=LEAVES * 2)
    assert engine.costs.meter["generated"] <= LEAVES * 2


def test_a_special_word_and_a_word_that_reaches_over_the_string_may_finish_it(opened: Any):
    codec = opened.codec
    texts = {word: codec.tokenizer.decode([word]) for word in range(codec.size)}
    found = stop_strings._final_words(codec, "Step 1:")
    assert all("Step 1:" in texts[word] or texts[word][0] in "tep 1:S" for word in found)
    assert {word for word, text in texts.items() if text.startswith(("p 1:", ":"))} <= found
    begin = codec.tokenizer.convert_tokens_to_ids("<s>")
    assert stop_strings._final_words(codec, "<s>") == {begin}


def test_a_server_is_sent_the_string_itself():
    codec = TextPieces()
    (word,) = stop_strings._final_words(codec, "Question:")
    assert codec.decode([word]) == "Question:"


def test_a_text_is_cut_at_the_first_string():
    assert cut("a b c d", ("c", "b", "")) == "a "
    assert cut("a b", ()) == "a b"
