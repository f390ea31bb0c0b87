"""Families of claims: what chance gives, what survives it, and the count that is reported."""

import pytest

from adabench.harness.analysis.claims.family import (
    expected_by_chance,
    headline_sentence,
    page_notes,
    survive_holm,
)
from adabench.harness.analysis.findings import ClaimRow, scoreboard


def row(name, verdict="reproduced", p=0.001, source="headline", paper="ets"):
    return ClaimRow(name, "toy", "new", verdict, 1.0, 0.5, 1.5, 0.5, 20, p_value=p, source=source,
                    paper_slug=paper)  # fmt: skip


def test_chance_counts_published_claims_that_were_tested():
    rows = [row(str(k)) for k in range(30)] + [row(str(k), source="measured") for k in range(10)]
    rows += [row("o", source="own"), row("c", "holds", None, "check"), row("n", "not run", None)]
    chance = expected_by_chance(rows)
    assert (chance.tested, chance.better, chance.contradicted) == (40, 1.0, 1.0)


def test_holm_corrects_for_all_headlines_that_were_tested():
    one = row("A", p=0.02)
    assert [found.id for found in survive_holm([one])] == ["A"]
    others = [row(str(k), "undecided", 0.5) for k in range(3)]
    assert survive_holm([one, *others]) == ()
    strong = survive_holm([row("A", p=0.005), *others])
    assert [(found.id, found.p_value) for found in strong] == [("A", pytest.approx(0.02))]


def test_own_criteria_neither_survive_nor_count():
    own = [row(str(k), "undecided", 0.5, "own") for k in range(9)]
    assert [
        found.id for found in survive_holm([row("A", p=0.02), *own, row("B", p=0.5, source="own")])
    ] == ["A"]


def test_a_small_p_alone_is_no_survivor_and_a_count_needs_none():
    kept = survive_holm([row("A", "does not discriminate", 0.0001), row("B", p=None)])
    assert [(found.id, found.p_value) for found in kept] == [("B", None)]


def test_the_scoreboard_counts_headlines_by_paper():
    rows = [row("A"), row("B", "direction only"), row("C"), row("D", "undecided", paper="mor"),
            row("E", source="own"), row("F", source="measured"), row("G", paper="")]  # fmt: skip
    assert scoreboard(rows) == [
        {"paper_slug": "ets", "headline": {"reproduced": 2, "direction only": 1}},
        {"paper_slug": "mor", "headline": {"undecided": 1}},
    ]
    assert headline_sentence(rows) == (
        "headline claims: 2 reproduced, 1 direction only, 1 undecided of 2 papers"
    )
    assert headline_sentence([row("E", source="own")]) == ""


def test_a_page_says_what_chance_gives_and_what_survives_it():
    rows = [row("A", p=0.001), row("B", p=0.02), *(row(str(k), "undecided", 0.5) for k in range(8))]
    assert page_notes(rows) == [
        "Headline claims: 2 reproduced, 8 undecided of 1 paper.",
        "By chance alone 0.25 of 10 published claims tested would read direction only or better, "
        + "and as many contradicted.",
        "After Holm's correction still reproduced: A.",
    ]
    assert page_notes([row("A", p=0.02), *(row(str(k), "undecided", 0.5) for k in range(8))])[
        -1
    ] == ("After Holm's correction still reproduced: none.")
    assert page_notes([row("E", source="own")]) == []
