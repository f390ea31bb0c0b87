"""Answers of servers in text: shapes as llama.cpp and vLLM send them, cut at marks."""

from typing import Any

import pytest

from adabench.workloads.shared.language_model.backends.openai_protocol import Answer, ServerProblem
from adabench.workloads.shared.language_model.backends.piece_answers import PieceReader
from adabench.workloads.shared.language_model.backends.text_pieces import (
    END,
    TextPieces,
    text_bytes,
)
from adabench.workloads.shared.language_model.backends.word_answers import Continuation

CODEC = TextPieces()
LINE = tuple(CODEC.stops("\n"))


def content(*tokens: tuple[bytes, float]) -> dict[str, Any]:
    """As llama.cpp sends it: an end is a token without text."""
    return {
        "content": [
            {
                "id": 7,
                "token": text.decode("utf-8", "replace"),
                "bytes": list(text),
                "logprob": chance,
            }
            for text, chance in tokens
        ]
    }


def listed(*tokens: tuple[str, float]) -> dict[str, Any]:
    """As vLLM sends it."""
    return {
        "tokens": [text for text, _ in tokens],
        "token_logprobs": [chance for _, chance in tokens],
    }


def choice(text: str, finish: str, logprobs: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    return {"index": 0, "text": text, "finish_reason": finish, "logprobs": logprobs, **more}


def read(reader: PieceReader, one: dict[str, Any], stops: tuple[int, ...] = ()) -> Continuation:
    (found,) = reader.read(Answer([one]), 1, stops)
    assert len(found.chances) in (0, len(found.ids))
    return found


def pieces(found: Continuation) -> list[str]:
    return ["<end>" if word == END else CODEC.decode([word]) for word in found.ids]


READING = PieceReader(logprobs=True, sends_stops=False)
SENDING = PieceReader(logprobs=True, sends_stops=True)


@pytest.mark.parametrize("shape", ["content", "listed"])
def test_a_mark_is_read_from_the_text_and_what_lies_behind_is_thrown_away(shape):
    tokens = [(" 3", -0.1), (".\n", -0.5), ("An", -0.2), ("swer", -0.3)]
    shown = (
        listed(*tokens)
        if shape == "listed"
        else content(*((text.encode(), chance) for text, chance in tokens))
    )
    found = read(READING, choice(" 3.\nAnswer", "length", shown), LINE)
    assert pieces(found) == [" 3", ".", "\n"]
    assert found.chances == [-0.1, -0.5, 0.0]
    assert (found.stopped, found.drawn, found.discarded) == (True, 4, 2)


def test_a_mark_that_is_a_token_has_its_own_chance():
    shown = content((b" 3", -0.1), (b"\n", -0.7), (b"", -0.2))
    found = read(READING, choice(" 3\n", "stop", shown), LINE)
    assert pieces(found) == [" 3", "\n"]
    assert found.chances == [-0.1, -0.7]
    assert found.discarded == 1


def test_a_mark_may_be_spelled_by_several_tokens():
    shown = content((b"3\n", -0.1), (b"\n", -0.7), (b"4", -0.2))
    found = read(READING, choice("3\n\n4", "length", shown), tuple(CODEC.stops("\n\n")))
    assert pieces(found) == ["3", "\n\n"]
    assert sum(found.chances) == pytest.approx(-0.8)
    assert found.discarded == 1


@pytest.mark.parametrize(
    ("shown", "text"),
    [(content((b" 3", -0.1), (b"", -0.2)), " 3"), (listed((" 3", -0.1), ("</s>", -0.2)), " 3")],
)
def test_an_end_is_the_token_behind_the_text(shown, text):
    found = read(READING, choice(text, "stop", shown), LINE)
    assert pieces(found) == [" 3", "<end>"]
    assert found.chances == [-0.1, -0.2]
    assert found.stopped
    assert found.discarded == 0


def test_an_end_without_a_chance_is_said():
    one = choice(" 3", "stop", content((b" 3", -0.1)))
    with pytest.raises(ServerProblem, match="no log-probability for the ending"):
        read(READING, one)
    assert pieces(read(PieceReader(logprobs=False, sends_stops=False), one)) == [" 3", "<end>"]


def test_a_stop_that_was_sent_is_told_by_its_reason():
    shown = listed((" 3", -0.1), (".\n", -0.5))
    found = read(SENDING, choice(" 3.", "stop", shown, stop_reason="\n"), LINE)
    assert pieces(found) == [" 3", ".", "\n"]
    ended = listed((" 3", -0.1), ("", -0.5))
    found = read(SENDING, choice(" 3", "stop", ended, stop_reason=None), LINE)
    assert pieces(found) == [" 3", "<end>"]
    silent = PieceReader(logprobs=False, sends_stops=True)
    found = read(silent, choice(" 3", "stop", None, stop_reason="\n"), LINE)
    assert pieces(found) == [" 3", "\n"]
    assert found.chances == []
    with pytest.raises(ServerProblem, match="whether a stop word or the end"):
        read(silent, choice(" 3", "stop", None), LINE)
    with pytest.raises(ServerProblem, match="';', which was not asked for"):
        read(silent, choice(" 3", "stop", None, stop_reason=";"), LINE)


def test_what_is_cut_in_mid_sign_is_drawn_again():
    first, second = "é".encode()[:1], "é".encode()[1:]
    shown = content((b"caf", -0.1), (first, -0.2))
    found = read(READING, choice("caf", "length", shown))
    assert pieces(found) == ["caf"]
    assert (found.drawn, found.discarded) == (2, 1)
    whole = content((b"caf", -0.1), (first, -0.2), (second, -0.3))
    found = read(READING, choice("café", "length", whole))
    assert CODEC.decode(found.ids) == "café"
    assert found.discarded == 0


def test_tokens_that_do_not_spell_the_text_are_one_piece_with_their_sum():
    shown = listed(("caf", -0.1), ("\ufffd", -0.2), ("\ufffd", -0.3), ("</s>", -0.4))
    found = read(READING, choice("café", "stop", shown))
    assert pieces(found) == ["café", "<end>"]
    assert sum(found.chances) == pytest.approx(-1.0)


def test_a_sign_of_control_leaves_its_chance_to_the_next_token():
    shown = content((b"3", -0.1), (b"", -0.2), (b"4", -0.3))
    found = read(READING, choice("34", "length", shown))
    assert pieces(found) == ["3", "4"]
    assert found.chances == [-0.1, pytest.approx(-0.5)]


def test_missing_log_probabilities_are_said():
    with pytest.raises(ServerProblem, match="sent no log-probabilities"):
        read(READING, choice(" 3 4", "length", None))
    quiet = PieceReader(logprobs=False, sends_stops=False)
    found = read(quiet, choice("3 + 4\n7", "length", None), LINE)
    assert pieces(found) == ["3", " +", " 4", "\n"]
    assert found.discarded == 1


def test_scores_of_an_echo_go_to_the_pieces_that_tokens_begin_in():
    words = CODEC.encode("3 + 44 = 47")
    tokens = [("3", None), (" +", -0.1), (" 4", -0.2), ("4", -0.3), (" = ", -0.4), ("47", -0.5)]
    shown = {"tokens": [t for t, _ in tokens], "token_logprobs": [c for _, c in tokens]}
    answer = Answer([choice("3 + 44 = 47 ", "length", shown)])
    assert [CODEC.decode([word]) for word in words] == ["3", " +", " 44", " =", " 47"]
    assert SENDING.scores(answer, words, 2) == [-0.5, -0.4, -0.5]
    with pytest.raises(ServerProblem, match="as one token"):
        SENDING.scores(answer, words, 4)
    with pytest.raises(ServerProblem, match="did not echo the prompt"):
        SENDING.scores(Answer([choice(" 5", "length", listed((" 5", -0.1)))]), words, 2)
    assert text_bytes(words) == b"3 + 44 = 47"
