"""What is wrong with a claim by itself, beside the others of its card, and in the catalogue."""

import math

import pytest

from adabench.harness.contract.card import (
    Bound,
    Card,
    Claim,
    Contrast,
    Correlation,
    Difference,
    Frontier,
    Level,
    Monotone,
    OutOfReach,
    Rank,
    Ratio,
    Reach,
    SignedRank,
)
from adabench.harness.contract.claim import (
    bar,
    faults,
    faults_together,
    is_any_change,
    is_sameness,
    shared_ids,
)
from adabench.harness.contract.claim_rivals import faults_of_units


def claim(expect, effect=None, **more):
    return Claim(**{"id": "A", "says": "s", "source": "headline", "paper": "p"} | more
                 | {"expect": expect, "effect": effect})  # fmt: skip


RISING = Monotone("m", over="k", rising=True, tolerance=0.1)


@pytest.mark.parametrize(
    ("expect", "effect", "where"),
    [
        (Ratio("m", "r"), 0.25, 0.5),
        (Reach("m", "q", "r"), 0.25, 0.5),
        (Difference("m", "r"), -0.4, -0.2),
        (Level("m", above=0.5), 0.9, 0.7),
        (Correlation("m", "n"), 0.6, 0.3),
        (RISING, 2.0, 1.0),
        (Rank("m", "r"), 1.0, 0.5),
        (Ratio("m", "r", high=0.9), None, 0.9),
        (Difference("m", "r", low=0.0), None, 0.0),
        (SignedRank("m", "r"), None, None),
        (Difference("m", "r", low=-0.01), None, None),
        (Bound("m", "b"), None, None),
        (OutOfReach("why"), None, None),
    ],
)
def test_where_the_bar_lies(expect, effect, where):
    found = bar(claim(expect, effect))
    assert found is None if where is None else found == pytest.approx(where)


def test_a_card_may_ask_for_more_than_half():
    assert bar(claim(Ratio("m", "r"), 0.25, share=1.0)) == pytest.approx(0.25)
    assert bar(claim(Difference("m", "r"), 2.0, share=0.75)) == 1.5
    assert math.isclose(bar(claim(Ratio("m", "r"), 4.0)) or 0, 2)


@pytest.mark.parametrize(
    ("expect", "same"),
    [
        (Ratio("m", "r", high=1.05), True),
        (Ratio("m", "r", high=0.95), False),
        (Ratio("m", "r", low=0.95), True),
        (Ratio("m", "r", low=0.95, high=1.05), True),
        (Ratio("m", "r", low=0.2, high=0.3), True),
        (Ratio("m", "r", low=1.0, high=1.0, every=True), False),
        (Difference("m", "r", low=0.0), False),
        (Difference("m", "r", low=-0.01), True),
        (Level("m", low=0.4, above=0.5), True),
        (SignedRank("m", "r"), False),
    ],
)
def test_which_claims_are_of_sameness(expect, same):
    assert is_sameness(claim(expect)) == same


@pytest.mark.parametrize(
    ("expect", "effect", "more", "fault"),
    [
        (Ratio("m", "r"), 0.5, {"share": 0.4}, "less than half"),
        (Ratio("m", "r"), None, {}, "neither an effect nor a limit"),
        (Frontier("c", "q", "r"), None, {}, "neither an effect nor a limit"),
        (Contrast("m", "r", ("a",), ("b",)), None, {}, "neither an effect nor a limit"),
        (Ratio("m", "r", high=0.9), 0.5, {}, "both an effect and a limit"),
        (Ratio("m", "r"), -0.5, {}, "a ratio"),
        (Reach("m", "q", "r"), 1.0, {}, "an effect that is none"),
        (Level("m", above=0.5), 0.5, {}, "an effect that is none"),
        (Ratio("m", "r", high=1.0, every=True), 0.5, {}, "no effect"),
        (Monotone("m", over="k", rising=True, tolerance=0.0), None, {}, "tolerance="),
        (RISING, -1.0, {}, "rises, and its effect is -1"),
        (Ratio("m", "r", low=1.2, high=1.1), None, {}, "above the high one"),
        (Difference("m", "r", low=-0.1, same=0.1), None, {}, "same="),
        (OutOfReach(""), None, {}, "out of reach"),
        (Ratio("m", "r"), 0.5, {"requires": ("A",)}, "requires itself"),
    ],
)
def test_faults_of_a_claim(expect, effect, more, fault):
    [found] = faults(claim(expect, effect, **more))
    assert fault in found


@pytest.mark.parametrize(
    ("expect", "effect"),
    [
        (Ratio("m", "r"), 0.5), (Ratio("m", "r", high=1.0), None), (RISING, None), (RISING, 1.0),
        (Rank("m", "r"), None), (SignedRank("m", "r"), None), (Bound("m", "b"), None),
        (Ratio("m", "r", low=0.2, high=0.3), None), (OutOfReach("why"), None),
    ],
)  # fmt: skip
def test_claims_without_a_fault(expect, effect):
    assert list(faults(claim(expect, effect))) == []


def pair(first, second, **more):
    one = claim(first, 0.5, id="one", requires=("two",))
    return list(faults_together([one, claim(second, 0.5, id="two", **more)]))


def test_what_is_stated_together_stands_at_one_operating_point():
    here, there = {"where": {"n": 1}}, {"where": {"n": 2}}
    assert pair(Ratio("m", "r", **here), Ratio("q", "r", **here)) == []
    [fault] = pair(Ratio("m", "r", **here), Ratio("q", "r", **there))
    assert "one stands at {'n': 1} and requires two, which stands at {'n': 2}" in fault
    [fault] = pair(Ratio("m", "r", **here), Ratio("q", "r"))
    assert "the defaults" in fault


def test_what_is_stated_together_can_be_tested_together():
    [fault] = pair(Ratio("m", "r"), Ratio("q", "r"), scale="real")
    assert "another scale" in fault
    [fault] = pair(Ratio("m", "r"), OutOfReach("why"))
    assert "cannot be tested" in fault


def test_a_required_claim_must_be_there_and_ids_differ():
    [fault] = faults_together([claim(Ratio("m", "r"), 0.5, requires=("B",))])
    assert "requires B, which is no claim of this card" in fault
    assert "two claims share an id" in list(faults_together([claim(Ratio("m", "r"), 0.5)] * 2))


def test_ids_that_several_cards_use():
    one, two = claim(RISING, id="one"), claim(RISING, id="two")
    assert shared_ids({"a": [one, two], "b": [two], "c": []}) == {"two": ["a", "b"]}


def test_what_is_worth_having_is_said_of_any_change_alone():
    assert list(faults(claim(Ratio("m", "r", high=1.0), worth=0.05))) == []
    for expect, effect, worth in (
        (Ratio("m", "r"), 0.5, 0.05),
        (Ratio("m", "r", high=0.8), None, 0.05),
        (Ratio("m", "r", high=1.0), None, 0.0),
    ):
        [fault] = faults(claim(expect, effect, worth=worth))
        assert "worth=" in fault


def test_any_change_is_one_whose_bar_lies_at_no_effect():
    assert is_any_change(claim(Ratio("m", "r", high=1.0)))
    assert is_any_change(claim(Difference("m", "r", low=0.0)))
    assert not is_any_change(claim(Ratio("m", "r", high=0.8)))
    assert not is_any_change(claim(Ratio("m", "r"), 0.5))


@pytest.mark.parametrize(
    ("cases", "fitted", "says"),
    [
        ("exchangeable", "", None),
        ("fixed", "", None),
        ("nested", "", "changes what all its cases share"),
        ("exchangeable", "m", "m is fitted by its prepare"),
        ("exchangeable", "r", "r is fitted by its prepare"),
    ],
)
def test_a_claim_over_cases_compares_nothing_that_was_fitted(cases, fitted, says):
    cards = {name: Card(name, prepares=name == fitted) for name in ("m", "r")}
    over = claim(Ratio("work", "r"), 0.5, over="cases")
    found = list(faults_of_units(over, "m", Card("Task", cases=cases), cards))
    assert (len(found), says is None or says in found[0]) == (says is not None, True)
    assert not list(faults_of_units(claim(Ratio("work", "r"), 0.5), "m", Card("Task"), cards))


def test_seeds_do_not_stand_for_trainings_of_what_was_fitted():
    cards, task = {"m": Card("m", prepares=True)}, Card("Task", cases="exchangeable")
    [fault] = faults_of_units(claim(Ratio("work", "r"), 0.5, over="seeds"), "m", task, cards)
    assert "over seeds, and m is fitted" in fault
    honest = claim(Ratio("work", "r"), 0.5, over="trainings")
    assert not list(faults_of_units(honest, "m", task, cards))
