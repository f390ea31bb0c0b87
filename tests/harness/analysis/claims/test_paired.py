"""Ratios, differences and contrasts: what is paired with what, and what each comes to."""

import math

import pytest

from adabench.harness.contract.card import Contrast, Difference, Ratio
from adabench.harness.stats.bca import Z975
from tests.harness.analysis.claims.toy_run import (
    CASES,
    SEEDS,
    about,
    judged,
    record,
    run,
    size,
    times,
)

BASE = run("old", faults=size)


@pytest.mark.parametrize(
    ("factor", "amount", "effect", "word"),
    [
        (0.5, 0.1, 0.4, "reproduced"),
        (0.8, 0.1, 0.4, "direction only"),
        (1.2, 0.1, 0.4, "contradicted"),
        (0.98, 0.3, 0.5, "not reproduced"),
        (0.95, 2.0, 0.9, "undecided"),
    ],
)
def test_ratio_of_a_cost(factor, amount, effect, word):
    row = judged(Ratio("faults", "old"), BASE + run("new", faults=times(factor, amount)), effect)
    assert row.verdict == word
    assert row.low < row.estimate < row.high
    assert (row.bar, row.n) == (pytest.approx(math.sqrt(effect)), len(SEEDS) * len(CASES))


def test_ratio_that_must_rise():
    claim = Ratio("faults", "old")
    assert judged(claim, BASE + run("new", faults=times(2)), 2.5).verdict == "reproduced"
    assert judged(claim, BASE + run("new", faults=times(0.5)), 2.5).verdict == "contradicted"


def test_a_ratio_is_one_of_totals_unless_it_is_said_to_be_of_pairs():
    """Half on the small families, one and a half times on the large one."""
    mixed = run("new", faults=lambda s, c: size(s, c) * (0.5, 0.5, 1.5)[c])
    row = judged(Ratio("faults", "old"), BASE + mixed, 0.5)
    theirs = [size(s, c) for s in SEEDS for c in range(3)]
    ours = [size(s, c) * (0.5, 0.5, 1.5)[c] for s in SEEDS for c in range(3)]
    assert row.estimate == pytest.approx(sum(ours) / sum(theirs))
    row = judged(Ratio("faults", "old", of="pairs"), BASE + mixed, 0.5)
    assert row.estimate == pytest.approx((0.5 * 0.5 * 1.5) ** (1 / 3))
    assert "mean of the pairs' ratios" in row.reason


def test_a_counter_that_never_varied_decides_without_an_interval():
    exact = run("new", faults=lambda s, c: size(s, c) / 2)
    row = judged(Ratio("faults", "old"), BASE + exact, 0.4)
    assert (row.verdict, row.low, row.high, row.p_value) == ("reproduced", None, None, None)
    assert judged(Ratio("faults", "old"), BASE + exact, 0.2).verdict == "direction only"


def test_a_share_that_never_varied_is_no_certainty():
    """All of 24 answers right on both sides: up to a seventh of the next ones may be wrong."""
    right = run("old", accuracy=1.0) + run("new", accuracy=1.0)
    near = Difference("accuracy", "old", low=-0.01)
    row = judged(near, right)
    assert row.verdict == "undecided"
    assert -0.2 < row.low < -0.05
    assert judged(Difference("accuracy", "old", low=-0.3), right).verdict == "reproduced"
    scores = run("old", score=3.0) + run("new", score=3.0)
    assert judged(Difference("score", "old", low=-0.01), scores).verdict == "reproduced"


def test_several_rivals_hold_each_pair_to_the_best():
    odd = run("old", faults=lambda s, c: 10 if s % 2 else 100)
    even = run("other", faults=lambda s, c: 100 if s % 2 else 10)
    claim = Ratio("faults", ("old", "other"))
    assert judged(claim, odd + even + run("new", faults=10), 0.5).estimate == pytest.approx(1)
    assert judged(claim, odd + even + run("new", faults=50), 0.5).verdict == "contradicted"
    best = Difference("score", ("old", "other"))
    sides = run("old", score=lambda s, c: s % 2) + run("other", score=lambda s, c: 1 - s % 2)
    assert judged(best, sides + run("new", score=1.0), 1.0).estimate == 0


def test_a_pair_is_refused_where_one_of_several_rivals_saw_another_instance():
    """Of 24 cases the other rival saw 8 otherwise: one unlike side is enough."""
    old, new = run("old", score=0.0, instance=7), run("new", score=1.0, instance=7)
    other = run("other", score=0.0, instance=lambda s, c: 7 if c else 8)
    row = judged(Difference("score", ("old", "other")), old + other + new, 1.0)
    assert row.n == 16


def test_every_pair_is_held_exactly_and_the_worst_is_named():
    claim = Ratio("faults", "old", low=1.0, high=1.0, every=True)
    row = judged(claim, BASE + run("new", faults=size), source="check")
    assert (row.verdict, row.low, row.high, row.n) == ("holds", None, None, 24)
    off = run("new", faults=lambda s, c: size(s, c) + (s == 3 and c == 1))
    row = judged(claim, BASE + off, source="check")
    assert row.verdict == "violated"
    assert row.estimate == pytest.approx(1 + 1 / size(3, 1))
    assert "family 1, seed 3, case 1" in row.reason
    assert "1 of 24" in row.reason


def test_every_pair_with_a_zero_rival_and_an_allowance():
    claim = Ratio("faults", "old", high=2.0, every=True, allowance=5)
    zero = run("old", faults=0)
    assert judged(claim, zero + run("new", faults=5)).verdict == "holds"
    row = judged(claim, zero + run("new", faults=6))
    assert (row.verdict, row.estimate) == ("violated", None)


def test_zero_scores_are_summed_before_dividing():
    old = run("old", accuracy=lambda s, c: float((s + c) % 2))
    row = judged(Ratio("accuracy", "old"), old + run("new", accuracy=1.0), 2.0)
    assert row.estimate == pytest.approx(2.0)
    row = judged(Ratio("accuracy", "old", of="pairs"), old + run("new", accuracy=1.0), 2.0)
    assert (row.verdict, row.estimate) == ("undecided", None)
    assert "12 of 24 pairs are not positive" in row.reason


@pytest.mark.parametrize(
    ("hits", "word", "reason"),
    [(set(), "undecided", "have no ratio"), ({(2, 0)}, "undecided", "zero in too many resamples")],
)
def test_a_rival_that_finds_next_to_nothing_decides_nothing(hits, word, reason):
    old = run("old", accuracy=lambda s, c: float((s, c) in hits), seeds=range(5))
    row = judged(Ratio("accuracy", "old"), old + run("new", accuracy=1.0, seeds=range(5)), 20.0)
    assert (row.verdict, row.low) == (word, None)
    assert reason in row.reason


@pytest.mark.parametrize(
    ("loss", "word"), [(0.01, "reproduced"), (0.1, "not reproduced"), (0.02, "undecided")]
)
def test_keeping_a_quality_within_its_margin(loss, word):
    claim = Ratio("faults", "old", keeping={"score": 0.02})
    old = run("old", faults=size, score=0.9)
    new = run("new", faults=times(0.5), score=about(0.9 - loss, 0.005))
    row = judged(claim, old + new, 0.4)
    assert row.verdict == word
    assert ("score" in row.reason) == (word != "reproduced")


def test_keeping_a_cost_has_the_other_direction():
    claim = Difference("score", "old", keeping={"faults": 5})
    old = run("old", faults=100, score=0.5)
    assert judged(claim, old + run("new", faults=50, score=0.9), 0.5).verdict == "reproduced"
    assert judged(claim, old + run("new", faults=150, score=0.9), 0.5).verdict == "not reproduced"


def test_a_margin_is_kept_against_the_rival_where_it_stands():
    """At the same budget the rival is worse; at four times the budget, where the claim puts it,
    it is better by more than the margin."""
    near = run("old", faults=100, score=0.5)
    far = run("old", faults=400, score=0.9, where={"slots": 40})
    new = run("new", faults=times(0.1), score=0.6)
    claim = Ratio("faults", "old", keeping={"score": 0.1}, there={"slots": 40})
    row = judged(claim, near + far + new, 0.5)
    assert row.verdict == "not reproduced"
    assert "score gets worse by 0.3" in row.reason
    here = Ratio("faults", "old", keeping={"score": 0.1})
    assert "score" not in judged(here, near + far + new, 0.5).reason


def test_the_rival_stands_at_another_setting():
    rival = [
        one for trust, cost in ((0, 10), (1, 100))
        for one in run("sibling", faults=cost, where={"point": {"trust": trust}})
    ]  # fmt: skip
    new = run("new", faults=20, where={"point": {"trust": 0}})
    there = judged(Ratio("faults", "sibling", there={"trust": 1}), rival + new, 0.3)
    assert (there.estimate, there.verdict) == (pytest.approx(0.2), "reproduced")
    assert judged(Ratio("faults", "sibling"), rival + new, 0.3).verdict == "contradicted"
    missing = judged(Ratio("faults", "sibling", there={"trust": 1}), rival[:24] + new, 0.3)
    assert missing.verdict == "not run"
    assert "trust=1" in missing.reason


def test_a_named_knob_is_shared_with_a_rival_that_has_it():
    records = [
        one for trust in (0, 1) for name, factor in (("sibling", 1), ("new", 0.5))
        for one in run(name, faults=times(factor * (1 + trust), 0),
                       where={"point": {"trust": trust}})
    ]  # fmt: skip
    for where in ({}, {"trust": 1}, {"trust": (0, 1)}):
        row = judged(Ratio("faults", "sibling", where=where), records, 0.5)
        assert row.estimate == pytest.approx(0.5)


def test_where_picks_conditions_and_unnamed_ones_stay_at_their_default():
    noisy = [*run("old", faults=size, where={"noise": 1}),
             *run("new", faults=times(2), where={"noise": 1})]  # fmt: skip
    records = BASE + run("new", faults=times(0.5)) + noisy
    at = {
        name: judged(Ratio("faults", "old", where=where), records, 0.6)
        for name, where in (("0", {}), ("1", {"noise": 1}), ("both", {"noise": (0, 1)}))
    }
    assert at["0"].estimate == pytest.approx(0.5, rel=0.1)
    assert at["1"].estimate == pytest.approx(2, rel=0.1)
    assert at["both"].estimate == pytest.approx(1.25, rel=0.1)  # of the totals under both
    assert at["both"].n == at["0"].n  # a case counts once


def test_groups_filter_cases():
    mixed = run("new", faults=lambda s, c: times(1)(s, c) * (0.5, 1, 1)[c])
    row = judged(Ratio("faults", "old", groups=("family 0",)), BASE + mixed, 0.4)
    assert (row.verdict, row.n) == ("reproduced", len(SEEDS))


def test_unlike_instances_do_not_pair():
    old = [record("old", s, faults=10, instance=s) for s in SEEDS]
    other = [record("new", s, faults=5, instance=s + 1) for s in SEEDS]
    row = judged(Ratio("faults", "old"), old + other, 0.5)
    assert (row.verdict, row.n) == ("not run", 0)
    assert "different instances" in row.reason


@pytest.mark.parametrize(
    ("gain", "word"),
    [(0.8, "reproduced"), (0.3, "direction only"), (-0.6, "contradicted"), (0.0, "not reproduced")],
)
def test_difference_in_the_metrics_own_unit(gain, word):
    new = run("new", score=about(1 + gain, 0.2))
    row = judged(Difference("score", "old"), run("old", score=1.0) + new, 1.0)
    assert row.verdict == word


def test_a_ratio_of_errors_may_be_no_effect():
    """0.4 % against 0.8 % of the scores lost is twice as good, and equal within a point."""
    old, new = run("old", score=about(0.8, 0.02)), run("new", score=about(0.4, 0.02, salt=1))
    assert judged(Ratio("score", "old"), old + new, 0.5).verdict == "reproduced"
    row = judged(Ratio("score", "old", same=1.0), old + new, 0.5)
    assert row.verdict == "not reproduced"
    assert "counts as equal" in row.reason
    assert judged(Ratio("score", "old", same=0.1), old + new, 0.5).verdict == "reproduced"


def contrast(hard: float, easy: float):
    gain = {0: hard, 1: easy, 2: easy}
    new = run("new", score=lambda s, c: 1 + gain[c] + about(0, 0.05)(s, c))
    claim = Contrast("score", "old", groups=("family 0",), other_groups=("family 1", "family 2"))
    return judged(claim, run("old", score=1.0) + new, 0.5)


@pytest.mark.parametrize(
    ("hard", "easy", "word"),
    [
        (0.6, 0.1, "reproduced"),
        (0.9, 0.75, "direction only"),
        (0.5, 0.5, "not reproduced"),
        (0.1, 0.6, "contradicted"),
    ],
)
def test_a_contrast_is_a_difference_of_differences(hard, easy, word):
    row = contrast(hard, easy)
    assert row.verdict == word
    assert row.estimate == pytest.approx(hard - easy, abs=0.06)


def test_a_contrast_needs_both_groups():
    claim = Contrast("score", "old", groups=("family 0",), other_groups=("family 7",))
    row = judged(claim, run("old", score=1.0) + run("new", score=2.0), 0.5)
    assert row.verdict == "not run"
    assert "family 7" in row.reason


def test_a_missing_rival_or_condition_or_metric_is_named():
    claim = Ratio("faults", "old")
    assert judged(claim, run("new", faults=1), 0.5).reason == "run old too"
    noisy = run("old", faults=2, where={"noise": 0.5}) + run("new", faults=1, where={"noise": 0.5})
    row = judged(Ratio("faults", "old", where={"noise": 1}), noisy, 0.5)
    assert row.verdict == "not run"
    assert "noise=1; recorded: 0.5" in row.reason
    unseen = judged(Ratio("score", "old"), BASE + run("new", faults=1), 0.5)
    assert (unseen.verdict, unseen.reason) == ("not run", "score was not recorded")
    timed = judged(Ratio("energy_j", "old"), BASE + run("new", faults=1), 0.5)
    assert timed.verdict == "not testable here"


def test_one_replicate_decides_no_mean():
    row = judged(Ratio("faults", "old"), [record("old", faults=10), record("new", faults=1)], 0.5)
    assert (row.verdict, row.estimate, row.low) == ("undecided", pytest.approx(0.1), None)
    assert "one replicate" in row.reason


def test_answers_that_hardly_ever_differ_leave_room_for_more():
    """One of 24 answers is lost; resamples of so few seeds alone would show a narrower interval."""
    lost = run("new", accuracy=lambda s, c: float((s, c) != (3, 1)))
    row = judged(Difference("accuracy", "old", low=-0.01), run("old", accuracy=1.0) + lost)
    least = Z975 * math.sqrt((2 / 26 - (1 / 26) ** 2) / 26)
    assert row.estimate == pytest.approx(-1 / 24)
    assert row.low <= -1 / 26 - least + 1e-9
    assert row.high >= -1 / 26 + least - 1e-9


@pytest.mark.parametrize(
    ("ours", "theirs", "effect", "word"),
    [
        (0.0, 4.0, 0.5, "reproduced"),
        (4.0, 0.0, 0.5, "contradicted"),
        (0.0, 4.0, 2.0, "contradicted"),
    ],
)
def test_a_cost_that_one_side_has_not_at_all_decides(ours, theirs, effect, word):
    records = run("old", faults=theirs) + run("new", faults=ours)
    row = judged(Ratio("faults", "old"), records, effect)
    assert (row.verdict, row.low) == (word, None)
    assert "none of it at all" in row.reason


def test_a_cost_done_away_with_keeps_the_margins_of_the_claim():
    claim = Ratio("faults", "old", keeping={"score": 0.02})
    old = run("old", faults=size, score=0.9)
    row = judged(claim, old + run("new", faults=0.0, score=about(0.5, 0.005)), 0.4)
    assert (row.verdict, row.estimate) == ("not reproduced", 0.0)
    row = judged(claim, old + run("new", faults=0.0, score=about(0.9, 0.005)), 0.4)
    assert (row.verdict, row.estimate) == ("reproduced", 0.0)
