"""What is decided before any number, claims that are stated together, and what a row carries."""

from dataclasses import replace

import pytest

from adabench.harness.analysis.claims.verdict_rule import said
from adabench.harness.analysis.claims.verdicts import verdicts
from adabench.harness.contract.card import Card, Difference, Frontier, OutOfReach, Ratio
from tests.harness.analysis.claims.toy_run import (
    CARDS,
    TASK,
    about,
    claim_of,
    judged,
    record,
    rows_of,
    run,
    size,
    times,
)

BASE = run("old", faults=size, score=1.0)


def test_what_cannot_be_tested_here_says_why():
    records = BASE + run("new", faults=size)
    row = judged(OutOfReach("needs a cluster"), records)
    assert (row.verdict, row.reason, row.run_with) == ("not testable here", "needs a cluster", "")
    gpu = judged(Ratio("faults", "old"), records, 0.5, scale="gpu")
    assert gpu.verdict == "not testable here"
    assert "needs scale gpu; this run was embedded" in gpu.reason
    real = judged(Ratio("faults", "old"), records, 0.5, scale="real")
    assert real.verdict == "not run"
    assert "--scale real" in real.run_with


@pytest.mark.parametrize(
    ("status", "word"), [("skipped", "not testable here"), ("error", "undecided")]
)
def test_a_method_without_results_gives_its_note(status, word):
    records = [*BASE, record("new", status=status, note="no solver here")]
    row = judged(Ratio("faults", "old"), records, 0.5)
    assert (row.verdict, row.reason) == (word, "no solver here")


FASTER = claim_of(Ratio("faults", "old"), 0.4, id="fast", requires=("good",))


@pytest.mark.parametrize(
    ("cost", "gain", "word"),
    [
        (0.5, 0.9, "reproduced"),
        (0.5, 0.3, "direction only"),
        (0.5, -0.9, "not reproduced"),
        (0.5, 0.0, "not reproduced"),
        (0.8, 0.9, "direction only"),
        (0.8, -0.9, "not reproduced"),
        (1.5, 0.9, "contradicted"),
    ],
)
def test_what_is_stated_together_gets_the_weakest_verdict(cost, gain, word):
    good = claim_of(Difference("score", "old"), 1.0, id="good")
    new = run("new", faults=times(cost), score=lambda s, c: 1 + gain + 0.01 * (s % 3))
    row = rows_of(BASE + new, FASTER, good)["fast"]
    assert row.verdict == word
    if cost == 0.5 and word != "reproduced":
        assert "good" in row.reason


def test_an_open_requirement_leaves_it_open():
    good = claim_of(Difference("score", "other"), 1.0, id="good")
    row = rows_of(BASE + run("new", faults=times(0.5), score=2.0), FASTER, good)["fast"]
    assert row.verdict == "undecided"
    assert "good, which is open" in row.reason


def test_what_is_open_stays_open_whatever_else_is_direction_only():
    good = claim_of(Difference("score", "old"), 1.0, id="good")
    new = run("new", faults=times(0.95, 2.0), score=lambda s, c: 1.3 + 0.01 * (s % 3))
    fast = claim_of(Ratio("faults", "old"), 0.9, id="fast", requires=("good",))
    rows = rows_of(BASE + new, fast, good)
    assert rows["good"].verdict == "direction only"
    assert rows["fast"].verdict == "undecided"


def test_a_claim_stands_with_what_it_requires_and_with_no_other():
    bad = claim_of(Difference("score", "old"), 1.0, id="bad")
    good = claim_of(Difference("faults", "old", high=0.0), id="good")
    new = run("new", faults=times(0.5), score=lambda s, c: 0.1 + 0.01 * (s % 3))
    rows = rows_of(BASE + new, FASTER, good, bad)
    assert rows["bad"].verdict == "contradicted"
    assert rows["fast"].verdict == rows["good"].verdict == "reproduced"


def test_methods_of_the_same_name_in_another_task_are_no_rivals():
    claim = claim_of(Ratio("faults", "old"), 0.4, source="headline")
    cards = {"toy/old": CARDS["old"], "toy/new": Card("New", claims=(claim,))}
    abroad = {"zoo/coin": CARDS["coin"], "zoo/old": Card("Old", role="control")}
    records = BASE + run("new", faults=times(0.5))
    (row,) = verdicts(records, {"toy": TASK}, cards, rivals=abroad)
    assert (row.verdict, row.met_by) == ("reproduced", ())


def test_seeds_that_should_decide_are_not_limited_by_recipes():
    old, new = run("old", score=0.0, seeds=range(3)), run(
        "new", score=lambda s, c: 0.6 + (0.2, -0.1, 0.3)[s], seeds=range(3)
    )  # fmt: skip
    row = judged(Difference("score", "old"), old + new, 1.0)
    assert (row.verdict, row.trainings) == ("undecided", 0)
    last = int(row.run_with.split("--seeds 0..")[1].split()[0])
    more = int(row.reason.split("about ")[1].split()[0])
    assert last + 1 == 3 + more > TASK.recipes


def test_trainings_of_any_setting_of_a_front_are_its_units():
    def front(method, lift):
        return [
            one for k in (10, 20, 40)
            for one in run(method, where={"slots": k}, faults=about(k, 0.01, k),
                           score=about(lift + k / 40, 0.02, k))
        ]  # fmt: skip

    own = [
        replace(one, trained={f"m-s{one.cell.seed % 3}": f"{one.cell.seed % 3:04x}"})
        if one.cell.conditions["slots"] > 10 else one
        for one in front("new", 0.5)
    ]  # fmt: skip
    row = judged(Frontier("faults", "score", "old"), front("old", 0.0) + own, 0.4)
    assert row.trainings == 3


def test_what_there_is_to_say_is_joined():
    assert said("one", "", "two", "") == "one; two"
    assert said("", "") == ""


def test_p_of_what_is_stated_together_is_the_larger():
    good = claim_of(Difference("score", "old"), 1.0, id="good")
    new = run("new", faults=times(0.5), score=lambda s, c: 1.55 + 0.15 * (s % 3))
    rows = rows_of(BASE + new, FASTER, good)
    assert rows["fast"].p_value == rows["good"].p_value > 1e-4


def test_a_row_carries_the_claim():
    claim = claim_of(Ratio("faults", "old"), 0.4, id="T-9", says="fewer faults", source="headline")
    row = rows_of(BASE + run("new", faults=times(0.5)), claim)["T-9"]
    assert (row.says, row.source, row.effect, row.paper_slug, row.fidelity, row.trainings) == (
        "fewer faults", "headline", 0.4, "paper", "paper", 0,
    )  # fmt: skip


def test_the_order_of_records_changes_nothing():
    claim = claim_of(Ratio("faults", "old"), 0.4)
    records = BASE + run("new", faults=times(0.5))
    assert rows_of(records, claim) == rows_of(records[::-1], claim)
