"""The grammar: 151 words, and what is read off a completion."""

import pytest

from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.substrate.action_steps import (
    has_answered,
    is_due,
    last_step,
    stated,
    steps,
    tool_words,
    unused_row,
)
from adabench.workloads.shared.language_model import vocabulary


def test_151_words_have_a_meaning_and_each_has_an_id():
    assert words.MEANINGFUL == 151
    assert len(set(words.WORDS)) == words.VOCABULARY == 160


def test_words_on_which_engines_rely_have_the_ids_that_they_have_elsewhere():
    ours, theirs = (
        (words.PAD, words.BOS, words.EOS),
        (vocabulary.PAD, vocabulary.BOS, vocabulary.EOS),
    )
    assert ours == theirs
    assert words.ACTION_VOCABULARY != vocabulary.OWN_VOCABULARY


def test_text_and_ids_are_each_others_inverse():
    text = "act H1 K1 A7 B12 r5 = w1 A3 B9 w2 A8 B1 ; w2 ans w2 A8 B1 ; <eos>"
    assert words.decode(words.encode(text)) == text
    with pytest.raises(KeyError):
        words.encode("A40")


def test_steps_tell_choices_calls_and_results():
    text = "act H1 K1 A7 B12 r5 = w1 A3 B9 w2 A8 B1 ; w2 H2 K2 w2 A8 B1 r0 = none ; ans fail ;"
    first, second, last = steps(words.encode(text))
    assert first.call == (words.IDS["H1"], words.K1, words.encode("A7 B12 r5"))
    assert first.choice is None
    assert second.choice == words.ROW_2
    assert second.call.arguments == words.encode("A8 B1 r0")  # without the mark
    assert second.result == (words.NONE,)
    assert last.call is None


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("act H1 K1 A7 B12 r5 =", True),
        ("act H1 K1 A7 B12 r5", False),
        ("cot H1 me 7 + 4 =", False),
        ("chk bk =", True),
        ("act K1 A7 B12 r5 =", False),
        ("act ans A7 B12 =", False),
        ("act ans A7 B12 ; V HZ K1 A7 B12 =", True),
    ],
)
def test_a_tool_is_due_behind_a_call_and_nowhere_else(text, due):
    assert is_due(words.encode(text)) == due


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("act ans A7 B12 ;", "A7 B12"),
        ("act w2 ans w2 A7 B12 ;", "A7 B12"),
        ("dir ans 3 ; <eos>", "3"),
        ("act ans fail ;", "fail"),
        ("act ans A7 ;", None),
        ("act ans 0 3 ;", None),
        ("act ans B12 A7 ;", None),
        ("act ans A7 B12 B13 ;", None),
        ("act ans A7 B12", None),
        ("act H1 K1 A7 B12 r5 = A1 B1 ;", None),
        ("", None),
    ],
)
def test_an_answer_is_a_whole_step_of_an_entity_a_number_or_failure(text, answer):
    found = stated(words.encode(text))
    assert found == (None if answer is None else words.encode(answer))
    assert has_answered(words.encode(text)) == ("ans" in text and ";" in text)


RETURNS = "chk H1 K1 A7 B12 r5 = w1 A3 B9 w2 A8 B1 ; w2 H2 K1 w2 A8 B1 r0 = none ; bk ="


def test_going_back_finds_the_row_that_was_not_taken_and_each_once():
    text = words.encode(RETURNS)
    assert unused_row(text) == words.encode("H1 A3 B9")
    on = words.encode(f"{RETURNS} H1 A3 B9 ; H2 K1 A3 B9 r0 = none ; bk =")
    assert unused_row(on) == (words.NONE,)


def test_going_back_takes_the_deepest_choice_first():
    two = (
        "chk H1 K1 A7 B12 r5 = w1 A3 B9 w2 A8 B1 ; w1 H2 K1 w1 A3 B9 r0 = w1 A0 B0 w2 A1 B1 ; "
        "w2 H3 K1 w2 A1 B1 r2 = none ; bk ="
    )
    assert unused_row(words.encode(two)) == words.encode("H2 A0 B0")
    on = words.encode(f"{two} H2 A0 B0 ; H3 K1 A0 B0 r2 = none ; bk =")
    assert unused_row(on) == words.encode("H1 A8 B1")


def test_only_the_mode_that_checks_goes_back():
    assert unused_row(words.encode(RETURNS.replace("chk", "act"))) == (words.NONE,)


def test_the_words_of_tools_are_results_and_their_ends():
    text = f"{RETURNS} H1 A3 B9 ; ans A3 B9 ;"
    expected = "w1 A3 B9 w2 A8 B1 ; none ; H1 A3 B9 ;"
    assert words.decode(tool_words(words.encode(text))) == expected
    assert tool_words(words.encode("act H1 K1 A7 B12 r5 =")) == ()  # not answered yet
    assert tool_words(words.encode("cot H1 me 7 + 4 = 1 ;")) == ()


@pytest.mark.parametrize(
    "text",
    [
        "act H1 K1 A7 B12 r5 =",
        "act H1 K1 A7 B12 r5 = w1 A3 B9 w2 A8 B1 ;",
        "act H1 K1 A7 B12 r5 = w1 A3 B9 w2 A8 B1 ; w2 H2 K1 w2 A8 B1 r2 =",
        "cot H1 me 7 + 4 = 1 ; ans 1 ; V",
        "plan H1 K1 A7 B12 r5 ; join",
        "H1 K1 A7 B12 r5 = none ; ans fail ;",
    ],
)
def test_the_last_step_is_the_last_of_all_steps(text):
    completion = words.encode(text)
    assert last_step(completion) == list(steps(completion))[-1]
