"""Prompts: examples before the question, as turns or as one text, and what all of them begin with."""

import copy

import pytest

from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.backends.tokenizer_codec import TokenizerCodec
from adabench.workloads.test_time.text.substrate.completions import QuestionText
from adabench.workloads.test_time.text.substrate.prompts import MARK, PromptStyle

EXAMPLES = (("1 + 2", "Step 1: 1 + 2 = 3\nAnswer: 3"), ("2 + 2", "Step 1: 2 + 2 = 4\nAnswer: 4"))
CHAT = (
    "{% for message in messages %}<s>{{ message['role'] }}: {{ message['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant: {% endif %}"
)


@pytest.fixture
def talking(codec: TokenizerCodec) -> TokenizerCodec:
    tokenizer = copy.deepcopy(codec.tokenizer)
    tokenizer.chat_template = CHAT
    return TokenizerCodec(tokenizer, codec.ends)


def test_without_a_template_examples_stand_in_one_text_as_a_server_is_sent_it(codec):
    ids = PromptStyle(codec, True).prompt("7 + 4", EXAMPLES)
    assert codec.tokenizer.decode(ids) == (
        "Problem: 1 + 2\nStep 1: 1 + 2 = 3\nAnswer: 3\n\n"
        "Problem: 2 + 2\nStep 1: 2 + 2 = 4\nAnswer: 4\n\nProblem: 7 + 4\n"
    )
    pieces = TextPieces()
    assert pieces.decode(PromptStyle(pieces, True).prompt("7 + 4", EXAMPLES)) == (
        codec.tokenizer.decode(ids)
    )


def test_a_completion_ends_where_another_problem_begins_unless_a_turn_ends_by_itself(
    codec, talking
):
    assert PromptStyle(codec, True).ends == PromptStyle(talking, False).ends == ("\nProblem:",)
    assert PromptStyle(talking, True).ends == ()


def test_with_a_template_they_are_turns_and_the_last_one_is_open(talking):
    text = talking.tokenizer.decode(
        PromptStyle(talking, True, "Do it.").prompt("7 + 4", EXAMPLES[:1])
    )
    assert text == (
        "<s>user: Do it.\n\nProblem: 1 + 2</s><s>assistant: Step 1: 1 + 2 = 3\nAnswer: 3</s>"
        "<s>user: Problem: 7 + 4</s><s>assistant: "
    )


def test_chat_can_be_left_out(talking, codec):
    assert PromptStyle(talking, False).prompt("7", EXAMPLES) == PromptStyle(codec, True).prompt(
        "7", EXAMPLES
    )


def test_a_server_is_sent_text_with_empty_lines():
    codec = TextPieces()
    text = codec.decode(PromptStyle(codec, True, "Do it.").prompt("7 + 4", EXAMPLES[:1]))
    assert text == "Do it.\n\nProblem: 1 + 2\nStep 1: 1 + 2 = 3\nAnswer: 3\n\nProblem: 7 + 4\n"


@pytest.mark.parametrize("chat", [True, False])
def test_all_questions_begin_with_the_prefix_and_it_ends_before_them(talking, chat: bool) -> None:
    style = PromptStyle(talking, chat)
    prefix = style.prefix(EXAMPLES)
    for question in ("9 + 9", "How many?", "1 + 1"):
        ids = style.prompt(question, EXAMPLES)
        assert ids[: len(prefix)] == prefix
        assert 0 < len(ids) - len(prefix) < 40
    assert "1 + 1" not in talking.tokenizer.decode(prefix)


@pytest.mark.parametrize("chat", [True, False])
@pytest.mark.parametrize("question", ["9 + 9", "How many legs?\nThree cats."])
def test_a_judge_is_told_the_question_alone(talking, chat: bool, question: str) -> None:
    style = PromptStyle(talking, chat, "Do it.")
    asked = QuestionText(talking, MARK, style.behind)
    assert asked(style.prompt(question, EXAMPLES)) == question
