"""The list of papers counts numbers that were reached apart from statements without one."""

from dataclasses import replace

import pytest

from adabench.harness.analysis.findings import ClaimRow, Compared
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import Ratio
from adabench.harness.decision.answer import Answer, PaperNumber
from docs.paper_answer import HEADS, columns, excluded, line, power
from docs.paper_index import decided, numbers, numbers_reached

ROW = ClaimRow(
    "a", "toy", "new", "reproduced", 0.5, 0.4, 0.6, 0.7, 10, source="headline", effect=0.5
)
ANY = replace(ROW, effect=None)


def claim(name: str, effect: float | None = 0.5) -> Claim:
    expect = Ratio("work", "old", high=1.0 if effect is None else None)
    return Claim(name, "It takes less.", "headline", "paper", effect, expect)


def rows(row: ClaimRow, *words: str) -> list[ClaimRow]:
    return [replace(row, verdict=word) for word in words]


def test_a_number_that_is_reached_is_no_gain_of_any_size() -> None:
    every = [
        *rows(ROW, "reproduced", "direction only", "undecided", "not testable here"),
        *rows(ANY, "reproduced", "reproduced", "not run", "holds", "violated"),
    ]
    said = numbers_reached(every)
    assert "to half at least: 1 of 3**" in said
    assert "that were found: 2 of 3." in said
    assert "that hold: 1 of 2." in said
    assert decided(every) == "6 of 8"


def test_an_answer_is_the_first_line_of_a_page_and_a_row_of_the_index() -> None:
    number = PaperNumber("number", 0.5, 0.8, 0.7, 0.9, "excluded")
    gained = Compared(12.5, 10.0, 15.0, "points", n=80)
    given = Answer("toy", "worse", "a reason.", "toy/new", gained, number=number, cases=80)
    assert line(given) == (
        "**Worse** (a reason): +12.5 points [10.0, 15.0] at equal cost; "
        "the paper's 0.500 (number): 0.800 [0.700, 0.900] here, excluded; 80 cases."
    )
    assert columns(given) == (
        "**worse** (a reason)", "+12.5 points [10.0, 15.0]", "–", "–",
        "the paper's 0.500 (number): 0.800 [0.700, 0.900] here, excluded",
    )  # fmt: skip
    assert len(columns(given)) == len(HEADS)
    assert line(Answer("toy", "cannot be told here")) == "**Cannot be told here**."


def test_numbers_are_counted_by_how_they_stand() -> None:
    every = [
        *rows(ROW, "reproduced", "does not discriminate", "not testable here"),
        replace(ROW, verdict="not reproduced", estimate=0.9, low=0.8, high=1.0),
        *rows(ANY, "reproduced"),
    ]
    assert numbers(every, 47) == (
        "**Of 4 numbers in 47 abstracts 1 were reached, 0 by half, 1 are met by simpler rules too, "
        "1 are excluded, 0 are open and 1 cannot be tested here.**"
    )


def test_power_is_that_of_what_is_open() -> None:
    given = [replace(ROW, verdict="undecided", power=0.3), replace(ROW, verdict="reproduced")]
    assert power(given) == "0.30"
    assert power([*given, replace(given[0], power=0.05)]) == "0.05 to 0.30"
    assert power(given[1:]) == "–"


@pytest.mark.parametrize(
    ("high", "effect", "words"),
    [
        (0.9, 0.5, "the 0.5 that is said is excluded"),
        (0.9, 0.7, ""),
        (0.9, None, "less than 0.6 is excluded"),
    ],
)
def test_an_undecided_claim_says_what_is_excluded(high, effect, words) -> None:
    row = replace(ROW, verdict="undecided", low=0.6, high=high, effect=effect, bar=0.7)
    assert excluded(claim("a", effect), row) == words
    assert excluded(claim("a", effect), replace(row, verdict="reproduced")) == ""
    assert excluded(claim("a", effect), replace(row, trainings=1, over="trainings")) == ""
