"""Votes: weights add per answer, malformed completions never win, ties go to the earlier."""

from collections import Counter

import pytest

from adabench.workloads.shared.language_model.vocabulary import EOS, encode
from adabench.workloads.test_time.chain.substrate.problems import answer
from adabench.workloads.test_time.substrate.voting import aggregate, best, two_largest, vote


def stating(first: int, result: int) -> tuple[int, ...]:
    """A completion of one step; `first` tells completions with one answer apart."""
    number, stated = (f"{n // 10} {n % 10}" for n in (first, result))
    return (*encode(f"{number} + 0 1 = {stated} ;"), EOS)


TORN = encode("4 7 + 3 8 =")


def test_the_helper_states_what_it_says() -> None:
    assert answer(stating(5, 42)) == 42
    assert answer(TORN) is None


def test_weights_add_per_answer() -> None:
    ballots = [stating(0, 10), stating(1, 20), stating(2, 20)]
    assert vote(ballots, [0.5, 0.3, 0.3], answer) == ballots[1]
    assert vote(ballots, [0.7, 0.3, 0.3], answer) == ballots[0]


def test_the_answer_counts_and_not_the_path_to_it() -> None:
    ballots = [stating(0, 10), stating(1, 20), stating(2, 20), stating(3, 20)]
    assert answer(vote(ballots, [2, 1, 1, 1], answer)) == 20


@pytest.mark.parametrize(
    ("stated", "expected"), [("abbcc", (2, 2)), ("abbb", (3, 1)), ("aa", (2, 0)), ("", (0, 0))]
)
def test_the_two_largest_counts_are_there_whatever_was_stated(stated, expected) -> None:
    assert two_largest(Counter[object](stated)) == expected


def test_ties_go_to_the_answer_that_was_stated_first() -> None:
    ballots = [stating(0, 90), stating(1, 10), stating(2, 10), stating(3, 90)]
    assert vote(ballots, [1, 1, 1, 1], answer) == ballots[0]
    assert vote(ballots[1:], [1, 1, 2], answer) == ballots[1]
    assert vote(ballots, [0, 0, 0, 0], answer) == ballots[0]


def test_a_tie_of_tenths_is_a_tie() -> None:
    # 0.1 + 0.2 + 0.3 summed one by one is 0.6000000000000001, and would beat 0.6.
    ballots = [stating(0, 10), *(stating(i, 20) for i in (1, 2, 3))]
    assert 0.1 + 0.2 + 0.3 > 0.6
    assert vote(ballots, [0.6, 0.1, 0.2, 0.3], answer) == ballots[0]


def test_malformed_completions_win_only_among_themselves() -> None:
    torn = [TORN, (*TORN, EOS), ()]
    assert vote([*torn, stating(0, 10)], [9, 9, 9, 0.1], answer) == stating(0, 10)
    assert best([*torn, stating(0, 10)], [9, 9, 9, 0.1], answer) == stating(0, 10)
    assert vote(torn, [1, 2, 3], answer) == TORN
    assert best(torn, [1, 2, 3], answer) == ()


def test_best_is_the_heaviest_and_the_earliest_of_equals() -> None:
    ballots = [stating(0, 10), stating(1, 20), stating(2, 20)]
    assert best(ballots, [0.5, 0.9, 0.9], answer) == ballots[1]


def test_nothing_to_choose_from_is_said() -> None:
    with pytest.raises(ValueError, match="decode at least one"):
        vote([], [], answer)
    with pytest.raises(ValueError, match="decode at least one"):
        best([], [], answer)
    with pytest.raises(ValueError, match="argument"):
        vote([TORN], [], answer)


def test_aggregates() -> None:
    scores = (0.5, 0.25, 0.75)
    worth = {how: aggregate(scores, how) for how in ("last", "min", "mean", "product")}
    assert worth == {"last": 0.75, "min": 0.25, "mean": 0.5, "product": 0.09375}
    assert aggregate((), "product") == 0.0
    with pytest.raises(ValueError, match="product"):
        aggregate(scores, "median")
