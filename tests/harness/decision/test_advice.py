"""What is advised: a word for each option by its interval, one option by its worth, and a sentence."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from adabench.harness.decision.advice import AdviceLimits, Answered, Answers, Prices, advice_of
from adabench.harness.errors import SelectionError

N = 300


def answers(right: Sequence[bool] | np.ndarray, tokens: float = 10.0) -> Answers:
    return {i: Answered(float(one), tokens, 5.0, tokens) for i, one in enumerate(right)}


def base(share: float = 0.5) -> np.ndarray:
    return np.arange(N) < share * N


def better(by: int, worse: int = 0) -> np.ndarray:
    """Right on `by` questions more than the baseline, wrong on `worse` that it has right."""
    found = base().copy()
    found[N // 2 : N // 2 + by] = True
    found[:worse] = False
    return found


@pytest.mark.parametrize(
    ("by", "worse", "word"),
    [
        (40, 5, "gains"),
        (0, 0, "gains nothing"),
        (6, 6, "gains nothing"),
        (30, 24, "undecided"),
        (0, 30, "loses"),
        (3, 0, "gains nothing"),
    ],
)
def test_a_word_says_what_the_interval_does(by: int, worse: int, word: str) -> None:
    found = advice_of(
        {"greedy": answers(base()), "vote": answers(better(by, worse), 60.0)}, "greedy"
    )
    (one,) = found.options
    assert one.word == word
    assert one.gain == pytest.approx((by - worse) / N)
    assert one.low <= one.gain <= one.high
    assert one.ratio == 6.0
    assert found.chosen == ("vote" if word == "gains" else "greedy")
    assert found.sentence.endswith(
        f"use {found.chosen}." if word != "undecided" else "until it is."
    )
    assert ("would change no word" in found.longer) is (word != "undecided")


def test_the_cheapest_of_those_not_told_from_the_best_is_advised() -> None:
    found = advice_of(
        {
            "greedy": answers(base()),
            "vote(N=4)": answers(better(60), 40.0),
            "vote(N=8)": answers(better(62), 80.0),
            "vote(N=2)": answers(better(30), 20.0),
        },
        "greedy",
    )
    assert found.chosen == "vote(N=4)"
    assert found.sentence.startswith("vote(N=4) gains +20.0 points [")
    assert "for 4.0 times the tokens: use vote(N=4)." in found.sentence
    assert [one.option for one in found.options] == ["vote(N=2)", "vote(N=4)", "vote(N=8)"]


def test_what_costs_too_much_is_not_advised() -> None:
    found = {"greedy": answers(base()), "vote": answers(better(60), 80.0)}
    dear = advice_of(found, "greedy", limits=AdviceLimits(ratio=4.0))
    assert dear.chosen == "greedy"
    assert dear.sentence.startswith("What gains on greedy costs more than 4 times its tokens: vote")
    assert dear.sentence.endswith("use greedy.")
    assert advice_of(found, "greedy", limits=AdviceLimits(ratio=8.0)).chosen == "vote"


def test_what_takes_too_long_is_not_advised_nor_what_was_not_timed() -> None:
    found = {
        "greedy": answers(base()),
        "slow": answers(better(70), 80.0),
        "quick": answers(better(40), 40.0),
        "untimed": answers(better(80), 60.0),
    }
    slowest_s = {"greedy": 1.0, "slow": 6.0, "quick": 3.0}
    advice = advice_of(found, "greedy", limits=AdviceLimits(deadline_s=4.0), slowest_s=slowest_s)
    assert advice.chosen == "quick"
    tight = advice_of(found, "greedy", limits=AdviceLimits(2.0, 0.5), slowest_s=slowest_s)
    assert tight.chosen == "greedy"
    assert "more than 2 times its tokens or 0.5 s an answer" in tight.sentence
    assert tight.sentence.endswith("An answer of greedy may take longer itself: 1 s.")


def test_an_option_is_held_against_greedy_on_the_questions_of_both() -> None:
    right = dict(list(answers(better(60), 40.0).items())[N // 2 :])
    found = advice_of({"greedy": answers(base()), "search": right}, "greedy")
    (one,) = found.options
    assert one.questions == N - N // 2
    assert one.gain == pytest.approx(60 / (N - N // 2))
    assert found.baseline.questions == N


def test_of_many_options_a_lucky_one_is_not_called_a_gain() -> None:
    """One of thirty at p = 0.02: by itself a gain, among thirty what chance brings."""
    lucky = {"lucky": answers(better(9, 2), 20.0)}
    others = {f"other{i}": answers(base(), 20.0) for i in range(29)}
    alone = advice_of({"greedy": answers(base()), **lucky}, "greedy")
    among = advice_of({"greedy": answers(base()), **lucky, **others}, "greedy")
    assert alone.chosen == "lucky"
    assert among.chosen == "greedy"
    assert "(one of 30 options may look so by chance)" in among.sentence


def test_money_is_tokens_times_prices() -> None:
    found = advice_of(
        {"greedy": answers(base()), "vote": answers(base(), 60.0)}, "greedy", Prices(1.0, 3.0)
    )
    assert found.baseline.price == pytest.approx((5 * 1.0 + 10 * 3.0) / 1000)
    assert found.options[0].price == pytest.approx((5 * 1.0 + 60 * 3.0) / 1000)


def test_without_answers_of_greedy_nothing_is_advised() -> None:
    with pytest.raises(SelectionError, match="No question was answered by greedy"):
        advice_of({"vote": answers(base())}, "greedy")
    alone = advice_of({"greedy": answers(base())}, "greedy")
    assert alone.sentence == "Nothing beside greedy ran here: use greedy."
    assert not math.isnan(alone.baseline.accuracy)


def test_questions_that_would_decide_are_counted_by_how_often_options_disagree() -> None:
    calm = advice_of({"greedy": answers(base()), "a": answers(better(20, 16), 20.0)}, "greedy")
    wild = advice_of({"greedy": answers(base()), "a": answers(better(80, 76), 20.0)}, "greedy")
    assert calm.options[0].needed < wild.options[0].needed
