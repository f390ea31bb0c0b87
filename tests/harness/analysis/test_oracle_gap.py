"""The oracle gap: three anchors, words where a number would mean nothing, and nothing pooled."""

from dataclasses import replace

import pytest

from adabench.harness.analysis.operating_points import collapse
from adabench.harness.analysis.oracle_gap import oracle_gaps
from adabench.harness.contract.card import Gap, Knob
from tests.harness.analysis.toy_plot import (
    ANCHORS,
    CARDS,
    CASES,
    COIN,
    GAP,
    LOSS,
    MIXTURE,
    ORACLE,
    SEEDS,
    STATIC,
    TASK,
    WORK,
    dots,
    lifted,
    record,
)


def gaps(records, task=TASK, cards=CARDS):
    return {row.method: row for row in oracle_gaps(collapse(records), {"toy": task}, cards)}


def router(curve, *, anchors=ANCHORS, spread=0.1, own=0.0, task=TASK, cards=CARDS):
    return gaps(anchors + dots("router", curve, spread=spread, own=own), task, cards)["router"]


# The three anchors


def test_the_oracle_itself_closes_exactly_everything():
    row = router(lifted(0.2))
    assert (row.status, row.gap_closed, row.low, row.high) == ("measured", 1.0, 1.0, 1.0)
    assert (row.oracle, row.mixture, row.coin, row.n) == ("best", "uniform", "random", 24)
    assert (row.cost, row.quality, row.reason) == ("work", "accuracy", "")


def test_a_static_setting_closes_exactly_nothing():
    assert router(STATIC).gap_closed == 0.0


def at(cost, accuracy, **more):
    """Records of a router whose default point costs so much."""
    return dots("router", {2: accuracy}, spread=0.1, work=lambda depth: cost, **more)


def standing(cost, accuracy, *, anchors=ANCHORS, task=TASK):
    return gaps(anchors + at(cost, accuracy), task)["router"]


@pytest.mark.parametrize(("cost", "accuracy"), [(1.5, 0.5), (2.5, 0.625), (3, 0.65), (5, 0.7)])
def test_a_mixture_of_static_settings_closes_nothing(cost, accuracy):
    # On the lines between static settings, and beyond the last, where more is spent for nothing.
    assert standing(cost, accuracy).gap_closed == pytest.approx(0, abs=1e-12)


def test_the_coin_itself_stands_at_minus_one():
    row = gaps(ANCHORS)["random"]
    assert (row.status, row.gap_closed, row.low, row.high) == ("measured", -1.0, -1.0, -1.0)


def test_half_of_either_side_is_one_half():
    assert router(lifted(0.1)).gap_closed == pytest.approx(0.5)
    assert router(lifted(-0.15)).gap_closed == pytest.approx(-0.5)


@pytest.mark.parametrize(("by", "closed"), [(0.2, 1.0), (0.0, 0.0), (-0.3, -1.0), (0.1, 0.5)])
def test_the_anchors_hold_with_noise_of_their_own(by, closed):
    row = router(lifted(by), own=0.1)
    assert row.status in ("measured", "oracle too weak", "worse than random")
    if row.status == "measured":
        assert row.gap_closed == pytest.approx(closed, abs=0.15)
        assert row.low <= row.gap_closed <= row.high


def test_it_is_measured_at_the_cost_at_which_the_method_runs():
    # 0.05 over the mixture at 3, where the oracle leads by 0.2.
    assert standing(3, 0.7).gap_closed == pytest.approx(0.25)


def test_settings_that_the_default_is_not_change_nothing():
    bad = router({1: 0.05, 2: 0.7, 4: 0.1})
    assert bad.gap_closed == router({2: 0.7}).gap_closed == pytest.approx(0.5)
    off = router({1: 0.5, 4: 0.8})
    assert (off.status, off.reason) == ("not run", "its default point was not run")


def test_a_method_below_the_cheapest_static_setting_is_held_to_that():
    row = standing(0.5, 0.5)
    assert row.gap_closed == pytest.approx(0.5)
    assert row.quality_at_equal_cost.reason == "every static setting costs more"


def test_lower_is_better_turns_the_plot_round():
    task = replace(TASK, metrics=(WORK, LOSS))
    turned = [
        one
        for method, by in (("uniform", 0), ("best", 0.2), ("router", 0.05), ("random", -0.3))
        for one in dots(method, {d: 1 - a for d, a in lifted(by).items()}, spread=0.1)
    ]
    row = gaps(turned, task)["router"]
    assert row.gap_closed == pytest.approx(0.25)
    assert row.quality_at_equal_cost.estimate == pytest.approx(5)  # better, in points


# Words in the place of numbers


def test_beyond_the_anchors_there_are_words_and_no_numbers():
    above, below = router(lifted(0.25)), router(lifted(-0.4))
    assert (above.status, above.gap_closed, above.low) == ("oracle too weak", None, None)
    assert (below.status, below.gap_closed, below.high) == ("worse than random", None, None)


def test_an_oracle_without_a_lead_leaves_no_room():
    anchors = MIXTURE + COIN + dots("best", STATIC, spread=0.1)
    row = router(STATIC, anchors=anchors)
    assert (row.status, row.gap_closed) == ("no room here", None)
    worse = MIXTURE + COIN + dots("best", lifted(-0.1), spread=0.1)
    assert router(STATIC, anchors=worse).status == "no room here"


def test_the_room_must_exceed_the_margin_of_the_card():
    wide = replace(TASK, gaps=(replace(GAP, room=0.25),))
    assert router(lifted(0.1), task=wide).status == "no room here"
    assert router(lifted(0.1)).status == "measured"


def test_room_elsewhere_is_no_room_where_the_method_runs():
    # The oracle leads at 1 and 2 and not at 4.
    anchors = MIXTURE + COIN + dots("best", {1: 0.6, 2: 0.7, 4: 0.7}, spread=0.1)
    assert standing(4, 0.69, anchors=anchors).status == "no room here"
    assert standing(1, 0.5, anchors=anchors).gap_closed == pytest.approx(0.5)


def test_an_oracle_that_runs_dearer_only_leads_by_nothing():
    anchors = MIXTURE + COIN + dots("best", {4: 0.9}, spread=0.1)
    assert router({2: 0.65}, anchors=anchors).status == "no room here"


def test_an_interval_as_wide_as_the_gap_distinguishes_nothing():
    row = router(lifted(0.1), own=3.0)
    assert (row.status, row.gap_closed) == ("not distinguishable", None)


def test_without_an_interval_there_is_no_number():
    one = [r for r in ANCHORS + dots("router", lifted(0.1)) if r.cell.seed == 0 and r.case == 0]
    assert gaps(one)["router"].status == "not distinguishable"


def test_an_oracle_that_wins_by_luck_closes_no_gap():
    cards = {**CARDS, "toy/best": replace(CARDS["toy/best"], wins_by_luck=True)}
    row = router(lifted(0.1), cards=cards)
    assert (row.status, row.gap_closed) == ("not validated", None)
    assert "luck" in row.reason


def test_below_the_mixture_without_a_coin_there_is_no_scale():
    bare = replace(TASK, gaps=(replace(GAP, coin=""),))
    assert router(lifted(-0.1), task=bare).status == "below the mixture"
    assert router(lifted(0.1), task=bare).gap_closed == pytest.approx(0.5)
    good_coin = MIXTURE + ORACLE + dots("random", lifted(0.1), spread=0.1)
    row = router(lifted(-0.1), anchors=good_coin)
    assert (row.status, "random does no worse" in row.reason) == ("below the mixture", True)


def test_a_backbone_without_an_oracle_says_so_and_keeps_the_other_two_numbers():
    bare = replace(TASK, gaps=(replace(GAP, oracle=""),))
    row = router({2: 0.65}, task=bare)
    assert (row.status, row.gap_closed) == ("no oracle", None)
    assert row.quality_at_equal_cost.estimate == pytest.approx(5)
    assert router({2: 0.65}, task=replace(bare, no_oracle="nobody knows")).reason == "nobody knows"


@pytest.mark.parametrize(
    ("anchors", "reason"),
    [
        (ORACLE + COIN, "run toy/uniform too"),
        (MIXTURE + COIN, "run toy/best too"),
        (MIXTURE + ORACLE, "run toy/random too"),
        (MIXTURE + COIN + dots("best", STATIC, seeds=[99]), "no case was solved by all"),
    ],
)
def test_what_was_not_run_is_named(anchors, reason):
    row = router(STATIC, anchors=anchors)
    assert (row.status, row.gap_closed) == ("not run", None)
    assert reason in row.reason


def test_withheld_quality_gives_no_number():
    mute = [record("router", 2, s, 0, work=1.0) for s in SEEDS]
    row = gaps(ANCHORS + mute)["router"]
    assert (row.status, "no record of both work and accuracy" in row.reason) == ("not run", True)


# What is pooled, and what is not


def test_backbones_are_never_pooled():
    other = dots("other", lifted(0.19), spread=0.1)  # a better network: it would leave no gap
    rival = dots("rival", lifted(0.25), spread=0.1)
    row = router(lifted(0.1), anchors=ANCHORS + other + rival)
    assert row == router(lifted(0.1))
    two = replace(
        TASK,
        gaps=(GAP, Gap(("other",), ("rival",), oracle="loose", coin="random")),
    )
    records = ANCHORS + other + rival + dots("loose", lifted(0.39), spread=0.1)
    records += dots("router", lifted(0.1), spread=0.1)
    found = gaps(records, two)
    assert found["router"].gap_closed == pytest.approx(0.5)
    assert found["rival"].gap_closed == pytest.approx((0.25 - 0.19) / (0.39 - 0.19))


def test_other_methods_at_other_conditions_change_nothing():
    anchors = [
        one
        for method, by in (("uniform", 0), ("best", 0.2), ("random", -0.3))
        for one in dots(method, lifted(by), spread=0.1, noise=1)
    ]
    own = dots("router", lifted(0.1), spread=0.1, noise=1)
    alone = gaps(anchors + own)["router"]
    beside = gaps(anchors + own + dots("rival", STATIC, noise=0))["router"]
    assert alone == beside
    assert alone.gap_closed == pytest.approx(0.5)


def test_a_method_that_no_gap_names_follows_the_static_it_skips_from():
    cards = {**CARDS, "toy/rival": replace(CARDS["toy/rival"], skips_from="uniform")}
    two = replace(TASK, gaps=(Gap(("other",), ("random",), oracle="loose"), GAP))
    records = ANCHORS + dots("rival", lifted(0.1), spread=0.1)
    assert gaps(records, two, cards)["rival"].gap_closed == pytest.approx(0.5)
    lost = gaps(records, two)["rival"]
    assert (lost.status, "names no static mixture" in lost.reason) == ("not run", True)


def test_a_task_with_one_backbone_may_leave_it_to_the_roles():
    plain = replace(TASK, gaps=())
    row = router(lifted(0.1), task=plain)
    assert (row.oracle, row.mixture, row.coin) == ("best", "uniform", "random")
    loose = dots("loose", lifted(0.4), spread=0.1)
    assert router(lifted(0.1), anchors=ANCHORS + loose, task=plain).oracle == "best"
    bound = router(lifted(0.1), anchors=MIXTURE + COIN + loose, task=plain)
    assert (bound.oracle, bound.gap_closed) == ("loose", pytest.approx(0.25))


def test_settings_of_an_oracle_that_do_not_count_are_left_out():
    lucky = MIXTURE + COIN + dots("best", {1: 0.6, 2: 0.8, 4: 1.4}, spread=0.1)
    task = replace(TASK, gaps=(replace(GAP, oracle_at={"depth": 2}),))
    assert router({2: 0.7}, anchors=lucky, task=task).gap_closed == pytest.approx(0.5)
    gone = replace(TASK, gaps=(replace(GAP, oracle_at={"depth": 9}),))
    assert "best at depth=9" in router({2: 0.7}, anchors=lucky, task=gone).reason


def test_conditions_stand_at_the_default_or_what_was_run():
    def at(noise, by):
        curves = (("uniform", 0), ("best", 0.2), ("random", -0.3), ("router", by))
        return [
            one
            for method, lift in curves
            for one in dots(method, lifted(lift), spread=0.1, noise=noise)
        ]

    assert gaps(at(0, 0.05) + at(1, 0.1))["router"].gap_closed == pytest.approx(0.25)
    assert gaps(at(1, 0.1))["router"].gap_closed == pytest.approx(0.5)


def test_the_budget_spans_the_plot():
    task = replace(TASK, knobs=(Knob("noise", (1, 2, 4), 1),), budget="noise")
    records = [
        record(method, 2, s, c, noise=slots, work=float(slots), accuracy=STATIC[slots] + by + 0.01 * s)
        for method, by in (("uniform", 0), ("best", 0.2), ("router", 0.15), ("random", -0.1))
        for slots in STATIC
        for s in SEEDS
        for c in CASES
    ]  # fmt: skip
    assert gaps(records, task)["router"].gap_closed == pytest.approx(0.75)


# Beside the best static mixture


def test_cost_at_equal_quality_and_quality_at_equal_cost():
    # At 2, its default: 0.65, which costs the mixture 3; the mixture of 2 has 0.6.
    row = router({2: 0.65})
    assert row.cost_at_equal_quality.estimate == pytest.approx(-100 / 3)
    assert row.quality_at_equal_cost.estimate == pytest.approx(5)
    assert (row.cost_at_equal_quality.unit, row.quality_at_equal_cost.unit) == ("%", "points")


def test_both_have_intervals_of_what_cases_disagree_on():
    row = router({2: 0.65}, own=0.1)
    for found in (row.cost_at_equal_quality, row.quality_at_equal_cost):
        assert found.low < found.estimate < found.high


def test_a_quality_that_statics_do_not_reach_has_no_cost_at_equal_quality():
    row = router({2: 0.8})
    assert row.cost_at_equal_quality.estimate is None
    assert row.cost_at_equal_quality.reason == "no static mixture is as good"
    assert row.quality_at_equal_cost.estimate == pytest.approx(20)


def test_they_are_those_of_the_default_point():
    row = router({1: 0.5, 4: 0.7})
    assert row.cost_at_equal_quality.reason == "its default point was not run"


def test_a_row_names_what_mixture_and_oracle_are_made_of():
    known = {"toy/uniform": "code-1:a", "toy/best": "code-1:b", "toy/rival": "code-1:c"}
    rows = oracle_gaps(collapse(ANCHORS), {"toy": TASK}, CARDS, known)
    assert [dict(row.artefacts) for row in rows] == [
        {"toy/uniform": "code-1:a", "toy/best": "code-1:b"}
    ]


def test_a_static_that_cannot_run_here_is_no_part_of_the_mixture():
    gap = replace(GAP, mixture=("uniform", "other"))
    curve = lifted(0.1)
    assert router(curve, task=replace(TASK, gaps=(gap,))).status == "not run"
    elsewhere = replace(gap, only_at={"other": {"noise": 1}})
    found = router(curve, task=replace(TASK, gaps=(elsewhere,)))
    assert found == router(curve)
    here = replace(gap, only_at={"other": {"noise": 0}})
    assert router(curve, task=replace(TASK, gaps=(here,))).status == "not run"
