"""Answers are read out of texts by rules, and compared in a plain form; and graded against the truth."""

from fractions import Fraction

import pytest

from adabench.harness.errors import MissingExtra
from adabench.workloads.test_time.text.substrate.stated_answers import (
    RULES,
    boxed,
    closes,
    number,
    plain_form,
    stated_text,
)
from adabench.workloads.test_time.text.truth import grading
from adabench.workloads.test_time.text.truth.grading import check_verifier, equal, gold


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Step 1: 7 + 4 = 11\nAnswer: 14", "14"),
        ("Answer: 12 apples.\n\nProblem: 5 + 9\nAnswer: 14", "12 apples"),
        ("so 3 * 6 = 18\n#### 18", "18"),
        ("The answer is 70,000.", "70,000"),
        ("the final answer is: $\\frac{1}{2}$.", "\\frac{1}{2}"),
        ("**Answer:** 5", "5"),
        ("Hence \\boxed{\\frac{3}{4}} is right.", "\\frac{3}{4}"),
        ("First 3, then 4, and 7 in all", "7"),
        ("Answer: 3\n#### 4", "4"),
        ("\\boxed{5}, then \\boxed{6}", "5"),
        ("nothing at all", None),
        ("Answer:\nStep", None),
        ("", None),
        (f"Answer: {'x' * 500}", None),
    ],
)
def test_the_first_fitting_rule_counts(text: str, stated: str | None) -> None:
    assert stated_text(text, RULES) == stated


def test_a_last_number_counts_only_where_the_completion_has_ended():
    assert stated_text("3 and 4", RULES, ended=False) is None
    assert stated_text("Answer: 4\n", RULES, ended=False) == "4"


@pytest.mark.parametrize("text", ["Answer: 1", "#### 1", "The answer is 1"])
def test_half_an_answer_is_none(text: str) -> None:
    """What is cut off behind `1` may go on with `4`."""
    assert stated_text(text, RULES, ended=False) is None
    assert stated_text(text, RULES, ended=True) == "1"


@pytest.mark.parametrize(
    ("text", "over"),
    [
        ("Step 1: 3 + 4 = 7\n", False),
        ("Step 1: 3 + 4 = 7\nAnswer: 7", False),
        ("Step 1: 3 + 4 = 7\nAnswer: 7\n", True),
        ("The answer is not near.\nWe go on.\n", False),
    ],
)
def test_an_answer_on_a_closed_line_closes_a_search(text: str, over: bool) -> None:
    assert closes(text, RULES) is over


def test_of_sums_only_the_answer_line_counts():
    assert stated_text("Step 1: 7 + 4 = 11", ("line",)) is None
    assert stated_text("#### 11", ("line",)) is None


@pytest.mark.parametrize("text", ["\\boxed{1", "\\boxed{}", "boxed{1}"])
def test_a_box_that_is_not_closed_or_empty_holds_nothing(text: str) -> None:
    assert boxed(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$1,234.50", Fraction("1234.5")),
        ("-3", Fraction(-3)),
        ("3/4", Fraction(3, 4)),
        ("50%", Fraction(50)),
        ("14 apples", Fraction(14)),
        ("3/0", None),
        ("x", None),
        ("1e999999999", None),
        ("9" * 10_000, None),
        ("3 + 4", None),
    ],
)
def test_numbers_are_read_with_their_trimmings(text: str, value: Fraction | None) -> None:
    assert number(text) == value


def test_equal_answers_have_one_plain_form():
    assert plain_form("18.00") == plain_form("$18") == plain_form("18")
    assert plain_form("Paris.") == plain_form(" paris")
    assert plain_form("18") != plain_form("19")


@pytest.mark.parametrize(
    ("answer", "found"),
    [("He has 3.\n#### 70,000", "70,000"), ("so \\boxed{x^2}", "x^2"), (" 12 ", "12")],
)
def test_the_answer_of_the_data_is_behind_its_solution(answer: str, found: str) -> None:
    assert gold(answer) == found


def test_numbers_and_words_are_graded_without_a_library():
    assert equal("70000", "$70,000")
    assert equal("Paris", "paris.")
    assert not equal("18", "19")
    assert not equal("Paris", "Rome")


def test_formulas_are_graded_by_what_they_say():
    pytest.importorskip("math_verify", reason="math-verify is not installed")
    assert equal("\\frac{1}{2}", "0.5")
    assert equal("\\frac{1}{2}", "\\frac{2}{4}")
    assert equal("0.5", "\\frac{1}{2}")
    assert not equal("\\frac{1}{2}", "\\frac{1}{3}")
    assert not equal("x^2", "no formula")


def test_formulas_without_the_library_are_refused_and_not_guessed(monkeypatch):
    monkeypatch.setattr(grading, "VERIFIER", "no_such_verifier")
    check_verifier(["12", "Paris"])
    with pytest.raises(MissingExtra, match="is a formula, and math-verify is not installed"):
        check_verifier(["12", "\\frac{1}{2}"])
