"""The list of papers counts numbers that were reached apart from statements without one."""

from dataclasses import replace

import pytest

from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import Ratio
from docs.paper_answer import answer, excluded, power
from docs.paper_index import decided, numbers_reached

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


def test_the_answer_is_of_the_first_number_that_was_decided() -> None:
    claims = {name: claim(name) for name in ("open", "any", "number", "later")}
    given = [
        replace(ROW, id="open", verdict="undecided", power=0.3),
        replace(ANY, id="any", verdict="reproduced"),
        replace(ROW, id="later", verdict="not reproduced"),
        replace(ROW, id="number", verdict="direction only", estimate=0.8),
    ]
    assert (
        answer(given, claims) == "**Less than is said**: 0.800 times where 0.500 is said (number)"
    )
    assert answer(given[:2], claims) == "**Yes**: 0.500 times (any)"
    assert answer(given[:1], claims) == "Open"
    assert answer([replace(ANY, id="open", verdict="holds"), given[1]], claims).endswith("(any)")
    assert answer(rows(ROW, "not testable here"), claims) == "Cannot be told here"
    met = replace(ROW, id="number", verdict="does not discriminate", met_by=("coin",))
    assert "(coin)" in answer([met], claims)
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
