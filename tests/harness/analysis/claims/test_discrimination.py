"""A claim that a control or a cheaper static meets in the method's place says nothing of the method."""

import pytest

from adabench.harness.contract.card import Card, Difference, Frontier, Knob, Level, Monotone, Ratio
from tests.harness.analysis.claims.toy_run import (
    about,
    claim_of,
    judged,
    rows_of,
    run,
    size,
    times,
)

FEWER = Ratio("faults", "old")
OLD = run("old", faults=size, score=1.0)
NEW = run("new", faults=times(0.5), score=2.0)
PAPER = {"source": "headline"}


def cheap(score=0.0, factor=0.4):
    return run("coin", faults=times(factor, 0.2), score=score)


BETTER = Difference("score", "old")
ABOVE = Frontier("faults", "score", "old")


def static(factor, score=2.0, level=1, **more):
    return run(
        "fixed", faults=times(factor), score=score, where={"point": {"level": level}, **more}
    )


MET, NOT_MET = ("does not discriminate", 1), ("reproduced", 0)
STANDING_IN = {
    "a control that meets no bar": (FEWER, OLD + NEW + cheap(factor=0.9), 0.4, NOT_MET),
    "a control that loses the margin": (
        Ratio("faults", "old", keeping={"score": 0.1}), OLD + NEW + cheap(), 0.4, NOT_MET,
    ),
    "a control that keeps the margin": (
        Ratio("faults", "old", keeping={"score": 0.1}), OLD + NEW + cheap(score=1.0), 0.4, MET,
    ),
    "a claim that is not reproduced is left alone": (FEWER, OLD + NEW + cheap(), 0.1, ("direction only", 0)),
    "better answers for twice the work are no news": (BETTER, OLD + NEW + static(2.0), 1.0, NOT_MET),
    "better answers for less are": (BETTER, OLD + NEW + static(2.0) + static(0.3, level=2), 1.0, MET),
    "less than a tenth more work is hardly more": (BETTER, OLD + NEW + static(0.54), 1.0, MET),
    "more than that is more": (BETTER, OLD + NEW + static(0.58), 1.0, NOT_MET),
    "every setting of a static is dearer": (
        BETTER, OLD + NEW + static(2, 9.0, 1) + static(3, 9.0, 2), 1.0, NOT_MET,
    ),
    "a static is no dearer for what it costs under other conditions": (
        BETTER, OLD + NEW + static(0.3) + static(30.0, noise=1), 1.0, MET,
    ),
    "a control that the claim compares with": (
        Ratio("faults", "coin"), NEW + run("coin", faults=size, score=1.0), 0.4, NOT_MET,
    ),
    "a control that does away with a cost": (
        FEWER, OLD + NEW + run("coin", faults=0.0, score=0.0), 0.4, MET,
    ),
    "a level": (Level("score", above=0.0), NEW + cheap(score=2.0), 1.5, MET),
    "a front": (ABOVE, OLD + NEW + cheap(score=2.0, factor=0.2), 1.0, MET),
    "a front that lies lower": (ABOVE, OLD + NEW + cheap(score=0.5), 1.0, NOT_MET),
}  # fmt: skip


@pytest.mark.parametrize("name", STANDING_IN)
def test_who_stands_in_decides_what_a_claim_says_of_the_method(name):
    expect, records, effect, (word, meeting) = STANDING_IN[name]
    row = judged(expect, records, effect, **PAPER)
    assert (row.verdict, len(row.met_by)) == (word, meeting)


def test_criteria_of_our_own_are_left_alone():
    assert judged(FEWER, OLD + NEW + cheap(), 0.4, source="own").verdict == "reproduced"


def test_what_a_control_meets_does_not_discriminate():
    """Fewer tokens than a chain of thought is also true of no thought at all."""
    row = judged(FEWER, OLD + NEW + cheap(), 0.4, **PAPER)
    assert (row.verdict, row.met_by) == ("does not discriminate", ("coin",))
    assert "coin meets it too" in row.reason
    assert row.estimate is not None


def test_a_claim_waits_for_a_control_that_reaches_its_bar_by_the_estimate_alone():
    """Its interval may turn out to lie above the bar or not: as long as it does not say, nor does the claim."""
    better = Difference("score", "old")

    def with_coin(level):
        coin = run("coin", faults=size, score=about(level, spread=3.0))
        return judged(better, OLD + NEW + coin, 1.0, **PAPER)

    row = with_coin(2.0)
    assert (row.verdict, row.met_by) == ("undecided", ())
    assert "coin may meet it too" in row.reason
    assert row.estimate == 1.0
    assert with_coin(1.0).verdict == "reproduced", "no more than half a point, by its estimate"
    assert judged(better, OLD + NEW, 1.0, **PAPER).verdict == "reproduced"


def test_a_control_must_meet_what_the_claim_requires():
    fast = claim_of(FEWER, 0.4, id="fast", requires=("good",), **PAPER)
    good = claim_of(Difference("score", "old"), 1.0, id="good", **PAPER)
    rows = rows_of(OLD + NEW + cheap(), fast, good)
    assert {name: row.verdict for name, row in rows.items()} == {
        "fast": "reproduced", "good": "reproduced",
    }  # fmt: skip
    rows = rows_of(OLD + NEW + cheap(score=2.0), fast, good)
    assert {row.verdict for row in rows.values()} == {"does not discriminate"}


def test_a_claim_may_name_what_it_is_told_apart_from():
    dear = run("fixed", faults=times(2.0), score=2.0)
    better = Difference("score", "old")
    named = judged(better, OLD + NEW + dear, 1.0, apart_from=("fixed",), **PAPER)
    assert (named.verdict, named.met_by) == ("does not discriminate", ("fixed",))
    other = judged(FEWER, OLD + NEW + cheap(), 0.4, apart_from=("other",), **PAPER)
    assert other.verdict == "not run"  # other was not run, and coin no longer counts
    assert "told apart from other" in other.reason
    assert judged(FEWER, OLD + NEW + cheap(), 0.4, apart_from=(), **PAPER).verdict == "reproduced"


def test_a_control_that_was_not_run_is_waited_for():
    row = rows_of(OLD + NEW, claim_of(FEWER, 0.4, **PAPER), all_cards=True)["T-1"]
    assert row.verdict == "not run"
    assert "told apart from coin" in row.reason
    assert "toy/coin" in row.run_with
    assert rows_of(OLD + NEW, claim_of(FEWER, 0.4), all_cards=True)["T-1"].verdict == "reproduced"


def test_a_control_that_was_run_elsewhere_is_waited_for_too():
    there = {"where": {"noise": 1}}
    records = run("old", faults=size, **there) + run("new", faults=times(0.5), **there)
    at = claim_of(Ratio("faults", "old", where={"noise": 1}), 0.4, **PAPER)
    assert rows_of(records + cheap(), at)["T-1"].verdict == "not run"
    both = records + run("coin", faults=times(0.4), **there)
    assert rows_of(both, at)["T-1"].verdict == "does not discriminate"


def test_a_control_of_another_method_is_none_of_this_one():
    records = OLD + NEW + cheap()
    for names, word in ((("other",), "reproduced"), (("new",), "does not discriminate")):
        coin = Card("Coin", role="control", control_of=names)
        assert judged(FEWER, records, 0.4, coin=coin, **PAPER).verdict == word
    coin = Card("Coin", role="control", control_of=("other",))
    row = rows_of(OLD + NEW, claim_of(FEWER, 0.4, **PAPER), all_cards=True, coin=coin)["T-1"]
    assert row.verdict == "reproduced", "and nobody waits for it"


def test_any_setting_of_a_control_may_meet_it():
    coin = Card("Coin", role="control", knobs=(Knob("p", (0, 1), 0),))
    turned = run("coin", faults=times(0.4), where={"point": {"p": 1}})
    usual = run("coin", faults=size, where={"point": {"p": 0}})
    row = judged(FEWER, OLD + NEW + usual + turned, 0.4, coin=coin, **PAPER)
    assert row.verdict == "does not discriminate"


def test_a_curve_over_a_condition_is_tried_on_controls_and_one_over_a_knob_is_not():
    def curve(name, heights):
        return [one for noise, height in zip((0, 0.5, 1), heights, strict=True)
                for one in run(name, where={"noise": noise}, faults=times(height, 0.02))]  # fmt: skip

    rising = Monotone("faults", over="noise", rising=True, tolerance=2.0)
    row = judged(rising, curve("new", (1, 2, 3)) + curve("coin", (1, 2, 4)), **PAPER)
    assert row.verdict == "does not discriminate"
    row = judged(rising, curve("new", (1, 2, 3)) + curve("coin", (1, 1, 1)), **PAPER)
    assert row.verdict == "reproduced"
    knob = [one for trust in (0, 1)
            for one in run("new", faults=times(1 + trust), where={"point": {"trust": trust}})]  # fmt: skip
    over = Monotone("faults", over="trust", rising=True, tolerance=2.0)
    assert judged(over, knob + cheap(), **PAPER).verdict == "reproduced"


def test_a_control_that_has_the_knob_is_turned_in_the_place_of_the_method():
    def turned(name, *heights):
        return [one for trust, height in enumerate(heights)
                for one in run(name, where={"point": {"trust": trust}}, faults=times(height, 0.02))]  # fmt: skip

    fewer = Ratio("faults", "new", high=1.0, where={"trust": 0}, there={"trust": 1})
    coin = Card("Coin", role="control", knobs=(Knob("trust", (0, 1), 0),))
    lower = turned("new", 1, 2)
    for heights, verdict in (
        ((3, 4), "does not discriminate"),
        ((4, 4.5), "does not discriminate"),
        ((4, 3), "reproduced"),
    ):
        row = judged(fewer, lower + turned("coin", *heights), coin=coin, **PAPER)
        assert row.verdict == verdict, heights


def test_a_control_made_for_other_conditions_is_not_waited_for():
    """It is the twin of another method; where a claim speaks of its conditions it counts."""
    other = Card("Other coin", role="control", conditions={"noise": 1})
    records, cards = OLD + NEW, {"coin": Card("Coin", role="static"), "other_coin": other}
    assert (
        rows_of(records, claim_of(FEWER, 0.4, **PAPER), all_cards=True, **cards)["T-1"].verdict
        == "reproduced"
    )
    at_noise = [
        record
        for name, factor in (("old", 1.0), ("new", 0.5))
        for record in run(name, faults=times(factor), where={"noise": 1})
    ]
    noisy = Ratio("faults", "old", where={"noise": 1})
    row = rows_of(at_noise, claim_of(noisy, 0.4, **PAPER), all_cards=True, **cards)["T-1"]
    assert row.verdict == "not run"
    assert "other_coin" in row.reason


def test_an_adaptive_method_that_the_paper_beats_must_not_meet_what_it_claims_of_others():
    rival = run("other", faults=times(0.4), score=1.5)
    fewer = claim_of(FEWER, 0.4, id="fewer", **PAPER)
    better = claim_of(Difference("score", "other"), 0.5, id="better", **PAPER)
    alone = rows_of(OLD + NEW + rival, fewer)
    assert alone["fewer"].verdict == "reproduced", "nobody says that it is beaten"
    rows = rows_of(OLD + NEW + rival, fewer, better)
    assert (rows["fewer"].verdict, rows["fewer"].met_by) == ("does not discriminate", ("other",))
    assert rows["better"].verdict == "reproduced"


def test_a_certainty_says_who_keeps_it_too():
    never = Ratio("faults", "old", high=1.0, every=True)
    coin, dear = run("coin", faults=0.0), run("fixed", faults=times(2.0))
    row = judged(never, OLD + NEW + coin + dear, **PAPER)
    assert (row.verdict, row.met_by) == ("holds", ("coin",))
    assert row.reason.startswith("so does coin")
    ours = judged(never, OLD + NEW + coin, source="check")
    assert (ours.verdict, ours.met_by) == ("holds", ())
    assert judged(never, OLD + NEW + dear, **PAPER).met_by == ()
