"""Questions of a user's, read from one line."""

import pytest

from adabench.harness.analysis.claims.verdict_rule import least_worth, promise
from adabench.harness.contract import registry
from adabench.harness.contract.claim import faults
from adabench.harness.contract.question import GRAMMAR, decision_question
from adabench.harness.decision.decision_question import best_of, open_question
from adabench.harness.errors import SelectionError

READS = ("paging",)
"""For tests/suite/dependencies.py."""


@pytest.mark.parametrize(
    ("text", "way", "worth"),
    [
        ("accuracy: majority > greedy", 1, None),
        ("accuracy:majority>greedy by .02", 1, 0.02),
        (" generated : majority < best_of_n by 20% ", -1, 0.2),
    ],
)
def test_a_line_is_a_claim_of_the_users_own(text, way, worth):
    question = decision_question(text)
    claim = question.claim
    assert (claim.source, claim.worth, claim.published) == ("own", worth, False)
    assert not list(faults(claim))
    assert promise(claim) == (way, 0.0)
    assert (question.method, claim.expect.against) == ("majority", question.rival)


@pytest.mark.parametrize(
    "text",
    ["", "accuracy", "accuracy: majority", "accuracy: a > b by", "accuracy: a > b by x", "a > b",
     "accuracy: a = b", "accuracy: a > b by -1", "accuracy: a > b; rm", "accuracy: a/b > c"],
)  # fmt: skip
def test_what_is_no_question_ends_with_the_grammar(text):
    with pytest.raises(SelectionError) as problem:
        decision_question(text)
    assert GRAMMAR in problem.value.hint


@pytest.mark.parametrize("text", ["a: b > c by 0", "a: b > c by 0%", "a: b < c by 100%"])
def test_no_difference_and_all_of_it_are_not_looked_for(text):
    with pytest.raises(SelectionError, match="no difference"):
        decision_question(text)


def test_a_question_about_times_is_timed():
    question = decision_question("latency_s: mark0 < lru by 10%")
    claim = open_question(question, "paging", (), "embedded")
    assert claim.is_timed
    assert not any(turn.counts for turn in claim.turns([0]))


def test_it_runs_both_methods_under_the_conditions_that_are_pinned():
    question = decision_question("faults: mark0 < lru by 1%")
    claim = open_question(question, "paging", ("slots=50",), "embedded")
    turns = claim.turns([3, 4])
    assert {turn.cell.address for turn in turns} == {"paging/mark0", "paging/lru"}
    assert {turn.cell.seed for turn in turns} == {3, 4}
    assert all(turn.counts for turn in turns)
    assert least_worth(claim.statement.claim, registry.find("paging").card) == pytest.approx(
        0.01005, abs=1e-4
    )


@pytest.mark.parametrize(
    ("text", "scale", "words"),
    [
        ("misses: mark0 < lru", "embedded", "no metric"),
        ("faults: mark9 < lru", "embedded", "no method"),
        ("faults: lru < lru", "embedded", "against itself"),
        ("faults: mark0 < lru", "gpu", "no scale"),
    ],
)
def test_what_a_task_does_not_have_is_named(text, scale, words):
    with pytest.raises(SelectionError, match=words):
        open_question(decision_question(text), "paging", (), scale)


def test_the_best_is_ahead_in_the_pilot_and_is_not_the_rival():
    more, less = decision_question("accuracy: best > b"), decision_question("cost: best < b by 5%")
    means = {"a": 0.5, "b": 0.9, "c": 0.7}
    assert (best_of(more, means).method, best_of(less, means).method) == ("c", "a")
    with pytest.raises(SelectionError, match="no number of any method"):
        best_of(more, {"b": 1.0})


@pytest.mark.parametrize(
    "text",
    ["accuracy: a > b", "accuracy: a > b by 0.02", "cost: a < b by 20%", "cost: best < b by 0.5%"],
)
def test_a_question_reads_as_it_is_written(text):
    question = decision_question(text)
    assert decision_question(question.text) == question
