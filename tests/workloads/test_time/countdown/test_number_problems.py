"""The form of Countdown: what is written is read again, and what is malformed states nothing."""

import pytest

from adabench.workloads.shared.language_model.vocabulary import EOS, encode
from adabench.workloads.test_time.countdown.substrate import number_problems as form
from adabench.workloads.test_time.countdown.substrate.number_problems import Problem, Step

MISS = "3 + 5 = 8 : 8 7 ; 8 + 7 = 15 ; back"
HIT = "3 * 5 = 15 : 15 7 ; 15 + 7 = 22 ;"


def written(text: str) -> tuple[int, ...]:
    return (*encode(text), EOS)


def test_a_prompt_has_its_numbers_and_its_target() -> None:
    assert Problem((3, 7, 5), 22).prompt == encode("<bos> CD 3 7 5 ? 22 >")


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Step(3, "*", 5, 15, (15, 7)), "3 * 5 = 15 : 15 7 ;"),
        (Step(15, "+", 7, 22, (22,)), "15 + 7 = 22 ;"),
        (Step(9, "-", 9, 0, (0, 4, 1)), "9 - 9 = 0 : 0 4 1 ;"),
    ],
)
def test_a_step_is_read_as_it_was_written(step: Step, text: str) -> None:
    assert form.step_words(step) == encode(text)
    assert form.read_step(encode(text)) == step


@pytest.mark.parametrize(
    "text",
    [
        "3 + 5 = 8",  # not closed
        "3 / 5 = 8 ;",
        "3 + 5 8 = ;",
        "3 + 5 = 8 : ;",
        "3 + 5 = 8 : 8 ;",  # a pool of one is not repeated
        "3 + 5 = 77 : 77 7 ;",  # above the highest value
        "a + 5 = 8 ;",
        "",
    ],
)
def test_what_is_no_step_is_none(text: str) -> None:
    assert form.read_step(encode(text)) is None


def test_an_answer_is_the_attempt_that_the_end_closes() -> None:
    assert form.answer(written(f"{MISS} {HIT}")) == "((3*5)+7)"
    assert form.answer(written(f"{MISS} 3 + 7 = 10 : 10 5 ; ans {HIT}")) == "((3*5)+7)"
    assert [len(one) for one in form.attempts(written(f"{MISS} {HIT}"))] == [15, 15]


@pytest.mark.parametrize(
    "text",
    ["5 * 3 = 15 : 7 15 ; 7 + 15 = 22 ;", "3 * 5 = 15 : 15 7 ; 7 + 15 = 22 ;"],
)
def test_what_may_be_exchanged_is_one_answer(text: str) -> None:
    assert form.answer(written(text)) == form.answer(written(HIT))


def test_other_expressions_are_other_answers_whatever_they_come_to() -> None:
    assert form.answer(written("9 - 4 = 5 ;")) == "(9-4)"
    assert form.answer(written("4 - 9 = 5 ;")) == "(4-9)"
    assert form.answer(written("4 + 4 = 8 : 8 8 ; 8 + 8 = 16 ;")) == "((4+4)+8)"


@pytest.mark.parametrize(
    "completion",
    [
        encode(f"{MISS} {HIT}"),  # not ended
        written(MISS),  # ends in nothing
        written("3 * 5 = 15 : 15 7 ;"),  # numbers are left
        written("3 * 5 = 15 : 15 7 2 ; 15 + 7 = 22 ;"),  # a number is lost between
        written(f"{HIT} {HIT}"),
        (),
    ],
)
def test_what_is_malformed_states_nothing(completion: tuple[int, ...]) -> None:
    assert form.answer(completion) is None


@pytest.mark.parametrize(("numbers", "attempts"), [((3, 7, 5), 10), ((3, 7, 5, 2), 6)])
def test_room_is_that_of_six_attempts_at_least(numbers: tuple[int, ...], attempts: int) -> None:
    steps = len(numbers) - 1
    attempt = sum(7 + left for left in range(steps, 1, -1)) + 6
    assert form.room(Problem(numbers, 22).prompt) // (attempt + 1) == attempts
    assert attempt + 1 <= form.LAST_WORDS
