"""The table of verdicts, row by row: which interval earns which word."""

import math
from dataclasses import replace

import numpy as np
import pytest

from adabench.harness.analysis.claims.looks import (
    FIRST,
    LATER,
    Sample,
    advised,
    more_units,
    sample_of,
    wider,
)
from adabench.harness.analysis.claims.verdict_rule import Gap, least_worth, margin, rule
from adabench.harness.analysis.replicates import ReplicateIndex, ReplicateList
from adabench.harness.contract.card import Difference, Level, Monotone, Ratio, Reach
from adabench.harness.stats.intervals import Interval
from tests.harness.analysis.claims.toy_run import TASK, claim_of


def places(units=5, cases=4):
    """So many seeds of so many cases."""
    index = ReplicateIndex(np.arange(units), ("",), cases)
    return ReplicateList(index, np.arange(units * cases))


def around(low, high):
    return Interval((low + high) / 2, low, high)


GAIN = claim_of(Difference("score", "old"), 1.0)
"""The bar lies at 0.5."""


FALL = claim_of(Difference("score", "old"), -1.0)
SAME = claim_of(Difference("accuracy", "old", low=-0.01))
ANY = claim_of(Difference("score", "old", low=0.0))
"""Of a gain without a number 0.02 is asked for, by the estimate; less by the whole interval is none."""


@pytest.mark.parametrize(
    ("claim", "low", "high", "word"),
    [
        (GAIN, 0.5, 0.9, "reproduced"),
        (GAIN, 0.6, 3.0, "reproduced"),
        (GAIN, 0.49, 0.9, "direction only"),
        (GAIN, 0.4999, 0.9, "direction only"),
        (GAIN, 0.01, 0.4, "direction only"),
        (GAIN, -0.1, 0.49, "not reproduced"),
        (GAIN, -0.1, 0.4999, "not reproduced"),
        (GAIN, -0.9, 0.0, "not reproduced"),
        (GAIN, -0.1, 0.5, "undecided"),
        (GAIN, -0.1, 0.51, "undecided"),
        (GAIN, -2.0, 2.0, "undecided"),
        (GAIN, 0.0, 0.6, "undecided"),
        (GAIN, -0.9, -1e-9, "contradicted"),
        (GAIN, -0.9, -0.01, "contradicted"),
        (FALL, -0.9, -0.5, "reproduced"),
        (FALL, -0.4, -0.1, "direction only"),
        (FALL, 0.1, 0.4, "contradicted"),
        (SAME, -0.01, 0.3, "reproduced"),
        (SAME, -0.02, 0.3, "undecided"),
        (SAME, -0.3, -0.011, "not reproduced"),
        (SAME, 0.2, 0.3, "reproduced"),
        (ANY, 0.01, 0.05, "reproduced"),
        (ANY, 0.001, 0.03, "direction only"),
        (ANY, 0.001, 0.019, "not reproduced"),
        (ANY, -0.05, 0.019, "not reproduced"),
        (ANY, -0.01, 0.05, "undecided"),
        (ANY, -0.05, -0.01, "contradicted"),
    ],
)
def test_where_the_whole_interval_lies_decides(claim, low, high, word):
    """An end at the bar reaches it, and one at no effect includes it."""
    ruling = rule(claim, around(low, high), places(), worth=0.02 if claim is ANY else 0.0)
    assert ruling.verdict == word
    if claim is GAIN:
        assert (ruling.bar, ruling.low, ruling.high) == (0.5, low, high)


def test_the_bar_of_a_ratio_lies_half_way_on_the_log_scale():
    claim = claim_of(Ratio("faults", "old"), 0.25)
    ruling = rule(claim, around(math.log(0.3), math.log(0.499)), places())
    assert (ruling.verdict, ruling.bar) == ("reproduced", pytest.approx(0.5))
    assert ruling.high == pytest.approx(0.499)
    beyond = rule(claim, around(math.log(0.3), math.log(0.51)), places())
    assert beyond.verdict == "direction only"
    strict = claim_of(Ratio("faults", "old"), 0.25, share=1.0)
    assert rule(strict, around(math.log(0.2), math.log(0.4)), places()).verdict == "direction only"
    assert rule(strict, around(math.log(0.2), math.log(0.25)), places()).verdict == "reproduced"


def test_a_level_is_seen_from_where_no_effect_lies():
    claim = claim_of(Level("accuracy", above=0.5), 0.9)
    ruling = rule(claim, around(0.21, 0.3), places())
    assert (ruling.verdict, ruling.bar) == ("reproduced", pytest.approx(0.7))
    assert (ruling.low, ruling.high) == (pytest.approx(0.71), pytest.approx(0.8))
    assert rule(claim, around(0.19, 0.3), places()).verdict == "direction only"


def test_without_a_number_any_effect_is_the_bar():
    claim = claim_of(Ratio("faults", "old", high=1.0))
    assert rule(claim, around(-0.2, -0.001), places()).verdict == "reproduced"
    assert rule(claim, around(-0.2, 0.001), places()).verdict == "undecided"


def test_a_range_is_kept_on_both_sides():
    claim = claim_of(Ratio("faults", "old", low=0.2, high=0.3))
    inside = around(math.log(0.21), math.log(0.29))
    assert rule(claim, inside, places()).verdict == "reproduced"
    below = around(math.log(0.1), math.log(0.19))
    assert rule(claim, below, places()).verdict == "not reproduced"
    across = around(math.log(0.19), math.log(0.25))
    assert rule(claim, across, places()).verdict == "undecided"


KEPT, LOST, OPEN = (
    margin("accuracy", change, 0.01, sample_of(places()))
    for change in (around(-0.01, 0.1), around(-0.2, -0.02), around(-0.2, 0.1))
)


def test_margins_are_kept_lost_or_open():
    assert [one.state for one in (KEPT, LOST, OPEN)] == ["kept", "lost", "open"]
    assert margin("accuracy", Interval(0.0, None, None), 1, sample_of(places())).state == "open"


@pytest.mark.parametrize(
    ("ends", "margins", "word"),
    [
        ((0.6, 1.0), (KEPT,), "reproduced"),
        ((0.6, 1.0), (KEPT, OPEN), "undecided"),
        ((0.6, 1.0), (OPEN, LOST), "not reproduced"),
        ((0.1, 1.0), (OPEN,), "direction only"),
        ((0.1, 1.0), (LOST,), "not reproduced"),
        ((-2.0, 2.0), (LOST,), "not reproduced"),
        ((-1.0, -0.5), (LOST,), "contradicted"),
    ],
)
def test_margins_count_as_much_as_the_effect(ends, margins, word):
    ruling = rule(GAIN, around(*ends), places(), margins=margins)
    assert ruling.verdict == word
    if LOST in margins and word == "not reproduced":
        assert "accuracy gets worse by 0.11" in ruling.reason


def test_p_is_that_of_the_weakest_part():
    sure = rule(GAIN, around(0.9, 1.1), places(), margins=(KEPT,))
    assert sure.p_value == KEPT.p_value == pytest.approx(0.025)
    assert rule(GAIN, around(0.9, 1.1), places()).p_value < 0.001


@pytest.mark.parametrize(
    ("gap", "word"),
    [
        ((0.02, 0.04), "reproduced"),
        ((0.002, 0.04), "undecided"),
        ((0.001, 0.009), "not reproduced"),
        ((-0.009, 0.009), "not reproduced"),
        ((-0.01, 0.01), "not reproduced"),
        ((-0.01, 0.0101), "undecided"),
        ((0.01, 0.04), "undecided"),
        ((0.0101, 0.04), "reproduced"),
    ],
)
def test_an_effect_must_also_exceed_what_counts_as_equal_with_its_limits(gap, word):
    """1.6 times fewer errors, and no more than 0.3 points of the answers."""
    claim = claim_of(Ratio("accuracy", "old", same=0.01), 2.0)
    ends = around(math.log(1.5), math.log(2.5))
    ruling = rule(claim, ends, places(), gap=Gap(around(*gap), 0.01))
    assert ruling.verdict == word
    if word == "not reproduced":
        assert "counts as equal" in ruling.reason


def test_the_wrong_side_within_what_counts_as_equal_contradicts_nothing():
    claim = claim_of(Ratio("accuracy", "old", same=0.01), 2.0)
    ends = around(math.log(0.5), math.log(0.9))
    inside = rule(claim, ends, places(), gap=Gap(around(-0.009, -0.001), 0.01))
    assert inside.verdict == "not reproduced"
    beyond = rule(claim, ends, places(), gap=Gap(around(-0.09, -0.02), 0.01))
    assert beyond.verdict == "contradicted"


def test_a_difference_on_the_wrong_side_alone_contradicts_nothing():
    claim = claim_of(Ratio("accuracy", "old", same=0.01), 2.0)
    for ends in (around(-0.1, 0.3), around(-0.1, 1.2)):
        ruling = rule(claim, ends, places(), gap=Gap(around(-0.09, -0.02), 0.01))
        assert ruling.verdict != "contradicted"


@pytest.mark.parametrize(
    ("interval", "distance", "half"),
    [
        (Interval(0.2, -0.2, 0.55), 0.3, 0.35),  # the bar is further away than no effect
        (Interval(0.3, -0.1, 0.85), 0.3, 0.4),  # no effect is
        (Interval(-0.1, -0.5, 0.7), 0.6, 0.8),
    ],
)
def test_advice_is_for_what_is_easier_to_exclude(interval, distance, half):
    drawn = sample_of(places())
    ruling = rule(GAIN, interval, places())
    assert (ruling.verdict, ruling.units) == ("undecided", advised(distance, half, drawn))


def test_advice_without_a_bar_and_on_the_wrong_side_is_to_exclude_no_effect():
    claim = claim_of(Ratio("faults", "old", high=1.0))
    ruling = rule(claim, Interval(0.2, -0.3, 0.5), places())
    assert (ruling.verdict, ruling.units) == ("undecided", advised(0.2, 0.5, sample_of(places())))


def test_advice_on_sameness_is_for_the_nearer_limit_and_the_longer_side():
    claim = claim_of(Difference("score", "old", low=-0.2, high=0.6))
    for interval, gap in ((Interval(0.1, -0.3, 0.3), 0.3), (Interval(0.5, 0.1, 0.7), 0.1)):
        ruling = rule(claim, interval, places())
        assert ruling.verdict == "undecided"
        assert ruling.units == (advised(gap, 0.4, sample_of(places())) or 0)


def test_an_interval_without_one_end_decides_nothing():
    for ends in ((None, 0.9), (0.6, None)):
        ruling = rule(GAIN, Interval(0.7, *ends), places())
        assert (ruling.verdict, ruling.p_value) == ("undecided", None)
        unknown = margin("score", Interval(0.7, *ends), 0.1, sample_of(places()))
        assert (unknown.state, unknown.units) == ("open", 0)
        assert ruling.units == rule(GAIN, around(0.6, 0.9), places()).units == 0


def test_p_of_sameness_is_that_of_the_nearer_limit():
    claim = claim_of(Difference("score", "old", low=-0.2, high=0.6))
    for interval in (Interval(0.0, -0.2, 0.1), Interval(0.4, 0.3, 0.6)):
        assert rule(claim, interval, places()).p_value == pytest.approx(0.025)
    assert rule(claim, Interval(0.6, 0.5, 0.7), places()).p_value == pytest.approx(0.5)


def test_a_counter_decides_without_an_interval():
    at = math.log(0.4)
    ruling = rule(claim_of(Ratio("faults", "old"), 0.25), Interval(at, at, at), places())
    assert (ruling.verdict, ruling.low, ruling.high, ruling.p_value) == (
        "reproduced", None, None, None,
    )  # fmt: skip
    assert ruling.estimate == pytest.approx(0.4)


def test_one_replicate_decides_nothing():
    ruling = rule(GAIN, Interval(2.0, None, None), places(1, 1))
    assert (ruling.verdict, ruling.estimate) == ("undecided", 2.0)
    assert "one replicate" in ruling.reason


def test_no_number_stands_for_what_was_never_reached():
    claim = claim_of(Reach("faults", "accuracy", "old"), 0.5)
    ruling = rule(claim, Interval(math.log(0.3), math.log(0.2), math.inf), places())
    assert (ruling.verdict, ruling.high, ruling.p_value) == ("undecided", None, 0.5)
    dear = rule(claim, Interval(math.log(3), math.log(2), math.inf), places())
    assert dear.verdict == "contradicted"


def test_a_falling_curve_is_shown_as_it_falls():
    claim = claim_of(Monotone("score", over="noise", rising=False, tolerance=0.1), -1.0)
    ruling = rule(claim, around(-0.9, -0.6), places())
    assert (ruling.verdict, ruling.estimate, ruling.bar) == ("reproduced", -0.75, -0.5)


def test_a_later_look_is_held_to_a_stricter_level():
    ends = around(0.5, 0.9)
    assert rule(GAIN, ends, places(FIRST)).verdict == "reproduced"
    later = rule(GAIN, ends, places(FIRST + 1))
    assert later.verdict == "direction only"
    assert (later.low, later.high) == (0.5, 0.9)  # what is shown is the interval of 95 %
    moved = wider(ends, sample_of(places(FIRST + 1)))
    assert moved.low == pytest.approx(0.7 - 0.2 * LATER)


def test_p_agrees_with_the_word_at_every_look():
    for units in (2, 3, 5, 6, 20):
        drawn = sample_of(places(units))
        half = 0.2 * (LATER if drawn.looks_again else 1)
        at_bar = rule(GAIN, around(0.5 + half - 0.2, 0.5 + half + 0.2), places(units))
        assert at_bar.verdict == "reproduced"
        assert at_bar.p_value == pytest.approx(0.025, abs=1e-6)


def test_advice_asks_for_more_than_a_first_look_and_for_twice_as_many_at_least():
    for units in (1, 2, 3, 4, 5, 10, 40):
        drawn = sample_of(places(units))
        total = advised(0.3, 0.31, drawn)
        assert total is not None
        assert total >= max(2 * units, FIRST + 1)
        assert f"about {total - units} more seeds" in more_units(0.3, 0.31, drawn).words


def test_advice_grows_with_the_width_and_ends():
    drawn = sample_of(places(10))
    near, far = advised(0.1, 0.5, drawn), advised(0.1, 1.0, drawn)
    assert near is not None
    assert far is not None
    assert 3.5 < far / near < 4.5
    assert advised(0.001, 1.0, drawn) is None
    assert "too near the limit" in more_units(0.0, 1.0, drawn).words


def test_undecided_says_how_many_seeds_would_tell():
    ruling = rule(GAIN, around(-0.1, 0.51), places(5))
    assert ruling.units > FIRST
    assert f"about {ruling.units - 5} more seeds" in ruling.reason


def test_no_advice_asks_for_trainings_that_have_no_recipe() -> None:
    many = more_units(0.01, 0.1, Sample(4, "trainings"))
    assert "there are recipes for 5" in many.words
    assert many.units > 5
    seeds = more_units(0.01, 0.1, Sample(4, "seeds"))
    assert "more seeds" in seeds.words
    assert seeds.units == many.units


def test_what_is_worth_having_is_two_points_or_two_percent_unless_a_claim_says_so():
    gain = claim_of(Difference("accuracy", "old", low=0.0))
    assert least_worth(gain, TASK) == 0.02
    assert least_worth(replace(gain, worth=0.05), TASK) == 0.05
    assert least_worth(claim_of(Difference("score", "old", low=0.0)), TASK) == 0
    assert least_worth(GAIN, TASK) == 0, "the paper says how much"
    less = claim_of(Ratio("faults", "old", high=1.0))
    assert least_worth(less, TASK) == pytest.approx(-math.log(0.98))
    assert least_worth(claim_of(Ratio("faults", "old", high=0.8)), TASK) == 0, "a bar of its own"


def test_a_ruling_says_its_power_and_what_it_would_need():
    few = rule(GAIN, around(0.1, 1.1), places(units=5))
    many = rule(GAIN, around(0.59, 0.61), places(units=5))
    assert few.power < 0.6
    assert many.power > 0.99
    assert few.needed > 5 > many.needed >= 2
    assert rule(GAIN, Interval(0.6, 0.6, 0.6), places()).power is None


def test_a_planned_look_says_how_far_out_its_ends_lie():
    ends = around(0.55, 0.95)
    index = places(units=8).where.resting_on("seeds", (), look=1.0)
    planned = ReplicateList(index, places(units=8).numbers)
    assert rule(GAIN, ends, planned).verdict == "reproduced"
    assert rule(GAIN, ends, places(units=8)).verdict == "direction only", "a later look, unplanned"
    further = ReplicateList(places().where.resting_on("seeds", (), look=1.5), places().numbers)
    assert rule(GAIN, ends, further).verdict == "direction only"
