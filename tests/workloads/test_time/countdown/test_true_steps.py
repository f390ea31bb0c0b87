"""What is right: operations, attempts that are replayed, problems and traces that can be solved."""

from itertools import islice

import numpy as np
import pytest

from adabench.workloads.shared.language_model.vocabulary import EOS, encode
from adabench.workloads.test_time.countdown.substrate import number_problems as form
from adabench.workloads.test_time.countdown.substrate.number_problems import ANSWER, Problem
from adabench.workloads.test_time.countdown.training.search_traces import rows
from adabench.workloads.test_time.countdown.truth import true_steps as truth

PROBLEM = Problem((3, 7, 5), 22)


def kind(text: str, end: bool = True) -> str:
    return truth.Replays((PROBLEM,)).kind(0, (*encode(text), *((EOS,) if end else ())))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 * 5 = 15 : 15 7 ; 15 + 7 = 22 ;", ""),
        ("5 * 3 = 15 : 7 15 ; 7 + 15 = 22 ;", ""),
        ("3 + 5 = 8 : 8 7 ; 8 + 7 = 15 ;", "search"),
        ("3 + 5 = 8 : 8 7 ; 8 + 7 = 15 ; back 3 * 5 = 15 : 15 7 ; 15 + 7 = 22 ;", ""),
        ("3 * 5 = 16 : 16 7 ; 16 + 7 = 23 ;", "arithmetic"),
        ("3 * 5 = 15 : 15 7 ; 15 + 7 = 21 ;", "arithmetic"),
        ("3 * 5 = 15 : 15 6 ; 15 + 6 = 21 ;", "arithmetic"),  # a number that is not there
        ("15 + 7 = 22 ;", "arithmetic"),  # not all of the numbers
        ("7 - 5 = 2 : 2 3 ; 3 - 2 = 1 ;", "search"),
        ("3 - 5 = 2 : 2 7 ; 2 + 7 = 9 ;", "arithmetic"),  # below nought
        ("3 * 5 = 15 : 15 7 ;", "malformed"),
    ],
)
def test_a_completion_is_of_the_kind_that_its_last_attempt_is(text: str, expected: str) -> None:
    assert kind(text) == expected
    assert truth.Replays((PROBLEM,)).is_right(0, (*encode(text), EOS)) == (expected == "")


def test_a_completion_that_is_not_closed_is_malformed() -> None:
    assert kind("3 * 5 = 15 : 15 7 ; 15 + 7 = 22 ;", end=False) == "malformed"


def test_a_target_that_nobody_can_meet_is_missed_and_nothing_breaks() -> None:
    grader = truth.Replays((Problem((1, 1, 1), 40),))
    tried = (*encode("1 + 1 = 2 : 2 1 ; 2 + 1 = 3 ;"), EOS)
    assert (grader.is_right(0, tried), grader.kind(0, tried)) == (False, "search")


def test_every_move_is_true_and_no_two_are_one() -> None:
    for pool in ((3, 7, 5), (4, 4, 1, 12), (0, 2)):
        found = truth.moves(pool)
        assert all(truth.result(one.first, one.sign, one.second) == one.result for one in found)
        assert all(len(one.left) == len(pool) - 1 for one in found)
        exchanged = {(frozenset((one.first, one.second)), one.sign, one.result) for one in found}
        signs = {(one.first, one.sign, one.second) for one in found}
        assert len(exchanged) == len(signs)


def test_problems_are_solved_by_their_own_attempt_and_splits_share_none() -> None:
    known: dict[str, set[tuple[tuple[int, ...], int]]] = {}
    for split in ("train", "dev", "test"):
        drawn = list(islice(truth.stream(split, 5, (3, 4)), 150))
        for problem, solution in drawn:
            assert truth.value_of(problem.numbers, solution) == problem.target
        known[split] = {(tuple(sorted(one.numbers)), one.target) for one, _ in drawn}
    assert not known["train"] & known["dev"]
    assert not known["test"] & (known["train"] | known["dev"])


def test_luck_is_the_share_of_attempts_at_random_that_meet_the_target() -> None:
    generator = np.random.default_rng(0)
    tried = [truth.wander(PROBLEM.numbers, generator) for _ in range(2000)]
    met = sum(truth.value_of(PROBLEM.numbers, one) == PROBLEM.target for one in tried) / len(tried)
    assert met == pytest.approx(truth.luck(PROBLEM.numbers, PROBLEM.target), abs=0.03)
    asked = truth.questions("dev", 3, 20, (3, 4))
    assert max(truth.luck(one.numbers, one.target) for one in asked) <= truth.MOST_LUCK
    assert truth.luck((1, 1, 1), 40) == 0  # nobody can


def test_traces_miss_until_they_hit_or_give_up_and_some_answer_now() -> None:
    found = rows(7, (3, 4), 200)
    assert found == rows(7, (3, 4), 200)
    now = given_up = right = 0
    for prompt, completion in found:
        numbers = tuple(word - form.ZERO for word in prompt[2:-3])
        problem = Problem(numbers, prompt[-2] - form.ZERO)
        assert problem.prompt == prompt
        assert truth.split_of(problem) == "train"
        given_up += truth.Replays((problem,)).kind(0, completion) == "search"
        right += truth.Replays((problem,)).is_right(0, completion)
        *missed, _ = form.attempts(completion)
        for words in filter(None, missed):
            value = truth.value_of(numbers, form.read_attempt(words))
            assert value != problem.target
        now += ANSWER in completion
        assert len(completion) <= form.room(prompt)
    assert 10 <= now <= 60
    assert 30 <= given_up <= 90
    assert given_up + right == len(found)
