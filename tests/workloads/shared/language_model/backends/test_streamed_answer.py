"""Answers in pieces, as llama.cpp streams two samples at once."""

from typing import Any

from adabench.workloads.shared.language_model.backends.streamed_answer import collected


def piece(index: int, text: str, chance: float | None, finish: str | None = None) -> dict[str, Any]:
    logprobs = None if chance is None else {"content": [{"token": text, "logprob": chance}]}
    choice = {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish}
    return {"choices": [choice]}


def test_pieces_of_two_samples_are_put_together_and_each_word_has_its_moment():
    usage = {"prompt_tokens": 4, "completion_tokens": 3}
    chunks = [
        piece(1, " a", -0.1),
        piece(0, " b", -0.2),
        piece(1, " c", -0.3),
        piece(1, "", -0.4),
        piece(1, "", None, "stop"),
        piece(0, "", None, "length"),
        {"choices": [], "usage": usage},
    ]
    moments = iter(range(1, 9))
    answer, stamps = collected(chunks, clock=lambda: float(next(moments)))
    assert stamps == [1.0, 2.0, 3.0, 4.0]
    by_index = {choice["index"]: choice for choice in answer["choices"]}
    assert [by_index[index]["text"] for index in (0, 1)] == [" b", " a c"]
    assert [by_index[index]["finish_reason"] for index in (0, 1)] == ["length", "stop"]
    chances = [entry["logprob"] for entry in by_index[1]["logprobs"]["content"]]
    assert chances == [-0.1, -0.3, -0.4]
    assert "stop_reason" not in by_index[1]
    assert answer["usage"] == usage


def test_the_other_shape_ids_and_reasons_are_kept():
    first = {"index": 0, "text": "a", "finish_reason": None, "stop_reason": None, "token_ids": [5],
             "logprobs": {"tokens": ["a"], "token_logprobs": [-1.0], "top_logprobs": None}}  # fmt: skip
    last = {**first, "text": ";", "finish_reason": "stop", "stop_reason": ";", "token_ids": [6]}
    answer, _ = collected([{"choices": [first]}, {"choices": [last]}])
    (choice,) = answer["choices"]
    assert choice["token_ids"] == [5, 6]
    assert choice["logprobs"]["token_logprobs"] == [-1.0, -1.0]
    assert choice["stop_reason"] == ";"
    assert answer["usage"] is None
