"""Monotone curves, fronts, and the cost of reaching a rival's quality."""

from dataclasses import replace

import numpy as np
import pytest

from adabench.harness.analysis.claims.evidence import Evidence
from adabench.harness.analysis.claims.frontier_and_reach import (
    NEVER,
    Averages,
    _log_costs,
    _mean_over,
    _rising,
)
from adabench.harness.analysis.claims.verdicts import rule_of
from adabench.harness.analysis.operating_points import collapse
from adabench.harness.contract.card import Card, Frontier, Knob, Metric, Monotone, Reach
from adabench.harness.store.table import from_records
from tests.harness.analysis.claims.toy_run import CARDS, TASK, about, claim_of, judged, run, times

TOLERANCE = 0.1


def curve(heights, metric="score", spread=0.02):
    """Records over noise; the metric stands at a height, up to a little scatter."""
    return [
        one for k, (noise, height) in enumerate(zip((0, 0.5, 1), heights, strict=False))
        for one in run("new", where={"noise": noise}, **{metric: about(height, spread, k)})
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("heights", "word"),
    [
        ((0, 0.5, 1), "reproduced"),
        ((0, 1, 1), "reproduced"),
        ((0, 1.03, 1), "reproduced"),
        ((0, 1, 0.9), "undecided"),
        ((0, 1.4, 1), "not reproduced"),
        ((1, 0.5, 0), "contradicted"),
        ((0, 0.15, 0.3), "direction only"),
    ],
)
def test_a_rising_curve_may_stay_level_and_not_fall(heights, word):
    expect = Monotone("score", over="noise", rising=True, tolerance=TOLERANCE)
    assert judged(expect, curve(heights), 1.0).verdict == word


@pytest.mark.parametrize(
    ("heights", "word"),
    [((1, 0.5, 0), "reproduced"), ((1, 0, 0.4), "not reproduced"), ((0, 0.5, 1), "contradicted")],
)
def test_a_falling_curve_mirrors_it(heights, word):
    expect = Monotone("score", over="noise", rising=False, tolerance=TOLERANCE)
    row = judged(expect, curve(heights), -1.0)
    assert (row.verdict, row.bar) == (word, -0.5)
    assert row.estimate == pytest.approx(heights[-1] - heights[0], abs=0.05)


def test_noise_alone_is_not_monotone():
    expect = Monotone("score", over="noise", rising=True, tolerance=5.0)
    assert judged(expect, curve((0, 0, 0), spread=1.0)).verdict == "undecided"


def test_a_counter_that_stays_level_is_no_rise_and_a_share_is_not_certain():
    flat = Monotone("faults", over="noise", rising=True, tolerance=0.1)
    row = judged(flat, curve((5, 5, 5), "faults", 0))
    assert (row.verdict, row.estimate, row.n) == ("not reproduced", 0, 24)
    share = Monotone("accuracy", over="noise", rising=True, tolerance=0.1)
    row = judged(share, curve((1, 1, 1), "accuracy", 0))
    assert row.verdict == "undecided"
    rises = judged(share, curve((0, 1, 1), "accuracy", 0))
    assert rises.verdict == "undecided"  # the level step may hide a fall of more than 0.1
    assert "step 2 of 2" in rises.reason


def test_a_curve_needs_its_sweep():
    expect = Monotone("score", over="noise", rising=True, tolerance=0.1)
    for heights in ((0,), (0, 1)):
        row = judged(expect, curve(heights))
        assert row.verdict == "not run"
        assert "--sweep noise=0,0.5,1" in row.reason
    two = Monotone("score", over="noise", rising=True, tolerance=0.1, where={"noise": (0, 0.5)})
    assert judged(two, curve((0, 1))).verdict == "reproduced"


def test_over_a_knob_of_two_values():
    both = [one for trust in (0, 1)
            for one in run("new", faults=times(2 - trust), where={"point": {"trust": trust}})]  # fmt: skip
    expect = Monotone("faults", over="trust", rising=False, tolerance=1.0)
    assert judged(expect, both).verdict == "reproduced"


def front(method, lift, slots=(10, 20, 40), price=1.0):
    return [
        one for k, budget in enumerate(slots)
        for one in run(method, where={"slots": budget}, faults=about(budget * price, 0.1, k),
                       score=about(budget / 40 + lift, 0.02, k + 10))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lift", "word"),
    [
        (0.3, "reproduced"),
        (0.1, "direction only"),
        (0.0, "not reproduced"),
        (-0.1, "contradicted"),
    ],
)
def test_a_front_lies_above_another(lift, word):
    row = judged(Frontier("faults", "score", "old"), front("old", 0.0) + front("new", lift), 0.4)
    assert row.verdict == word
    assert row.estimate == pytest.approx(lift, abs=0.02)


def settings(method, many, seeds=range(4), spread=0.5):
    """So many settings of equal truth: what is seen of them is noise."""
    return [
        one for k in range(many)
        for one in run(method, seeds=seeds, where={"point": {"k": k}}, faults=10.0,
                       score=about(1.0, spread, k + (100 if method == "new" else 0)))
    ]  # fmt: skip


def test_more_settings_to_choose_from_are_no_better_front():
    """The best of thirty equal settings looks better than the one of the rival by 0.3 or so."""
    records = settings("new", 30) + run("old", seeds=range(4), faults=10.0, score=about(1.0, 0.5))
    knob = Knob("k", tuple(range(30)), 0)
    row = judged(Frontier("faults", "score", "old", low=0.0), records, knobs=(knob,))
    best = max(
        np.mean([r.values["score"] for r in records if r.cell.point.get("k") == k])
        for k in range(30)
    ) - np.mean([r.values["score"] for r in records if r.cell.method == "old"])
    assert best > 0.2
    assert row.verdict == "undecided"
    assert row.low < 0
    assert row.estimate < best


@pytest.mark.parametrize(
    ("price", "word"), [(0.2, "reproduced"), (0.8, "direction only"), (1.5, "contradicted")]
)
def test_the_cost_of_a_rivals_quality(price, word):
    rival = run("old", faults=about(20.0, 0.1), score=about(0.5, 0.005, 5))
    row = judged(Reach("faults", "score", "old"), front("new", 0.0, price=price) + rival, 0.4)
    assert row.verdict == word
    assert row.estimate == pytest.approx(price, rel=0.1)


def test_a_front_that_never_gets_there():
    far = run("old", faults=about(20.0, 0.1), score=about(3.0, 0.02, 5))
    row = judged(Reach("faults", "score", "old"), front("new", 0.0) + far, 0.4)
    assert (row.verdict, row.estimate, row.low) == ("not reproduced", None, None)
    assert "at no recorded cost" in row.reason


def test_a_front_that_gets_there_in_some_resamples_has_no_upper_end():
    edge = run("old", faults=about(20.0, 0.1), score=about(0.995, 0.05, 5))
    row = judged(Reach("faults", "score", "old"), front("new", 0.0) + edge, 0.4)
    assert row.verdict in ("undecided", "contradicted")
    assert row.high is None


def test_a_cost_that_is_reached_but_not_for_sure_has_no_upper_end():
    near = run("old", faults=about(20.0, 0.1), score=about(0.97, 0.05, 5))
    row = judged(Reach("faults", "score", "old"), front("new", 0.0) + near, 0.4)
    assert (row.estimate, row.high) == (pytest.approx(1.96, abs=0.01), None)


def test_dearer_costs_contradict_only_where_the_quality_at_the_rivals_cost_is_less_for_sure():
    for spread, word in ((0.05, "contradicted"), (0.15, "not reproduced")):
        rival = run("old", faults=about(20.0, 0.1), score=about(0.45, spread, 5))
        row = judged(Reach("faults", "score", "old"), front("new", 0.0, price=1.5) + rival, 0.4)
        assert row.low > 1
        assert row.verdict == word


def test_the_rival_of_a_reach_stands_at_its_own_budget():
    rival = run("old", where={"slots": 40}, faults=about(40.0, 0.1), score=about(0.5, 0.005, 5))
    expect = Reach("faults", "score", "old", there={"slots": 40})
    row = judged(expect, front("new", 0.0, price=0.5) + rival, 0.4)
    assert row.estimate == pytest.approx(0.25, rel=0.1)
    assert (
        judged(Reach("faults", "score", "old"), front("new", 0.0) + rival, 0.4).verdict == "not run"
    )


@pytest.mark.parametrize(("less", "price"), [("", 0.8), ("limit", 0.55)])
def test_what_a_paper_leaves_out_of_the_bill_is_taken_off_the_side_that_has_it(less, price):
    rival = run("old", faults=about(20.0, 0.1), score=about(0.5, 0.005, 5))
    own = [
        replace(one, values={**one.values, "limit": 5.0}) if one.cell.method == "new" else one
        for one in front("new", 0.0, price=0.8)
    ]
    row = judged(Reach("faults", "score", "old", less=less), own + rival, 0.4)
    assert row.estimate == pytest.approx(price, rel=0.1)


def timed(records, valid):
    """The same with times where they are valid."""
    return [
        replace(one, values={**one.values, "latency_s": one.values["faults"]})
        if valid(one)
        else one
        for one in records
    ]


@pytest.mark.parametrize("form", [Reach, Frontier])
def test_a_front_of_times_says_which_cases_have_none(form):
    """One setting without a valid time in a seed takes the seed from all of the front."""
    rival = timed(run("old", faults=about(20.0, 0.1), score=about(0.5, 0.005, 5)), lambda one: True)
    expect = form("latency_s", "score", "old")
    own = front("new", 0.0, price=0.2)
    whole = judged(expect, timed(own, lambda one: True) + rival, 0.4)
    assert "no valid latency_s" not in whole.reason
    few = judged(
        expect,
        timed(own, lambda one: one.cell.seed < 5 or one.cell.conditions["slots"] != 20) + rival,
        0.4,
    )
    assert "9 of 24 cases have no valid latency_s at some operating point" in few.reason
    assert few.n == whole.n - 9
    by_turns = {10: (0, 1, 2), 20: (3, 4, 5), 40: (6, 7)}
    none = judged(
        expect,
        timed(own, lambda one: one.cell.seed in by_turns[one.cell.conditions["slots"]]) + rival,
        0.4,
    )
    assert none.verdict == "not run"
    assert "24 of 24 cases have no valid latency_s" in none.reason


def test_the_mean_of_a_curve_is_over_its_width():
    edges = np.array([[0.0, 1.0, 3.0, 3.0], [2.0, 2.0, 2.0, 2.0]])
    gaps = np.array([[0.0, 2.0, 4.0, 9.0], [0.5, 7.0, 7.0, 7.0]])
    assert _mean_over(edges, gaps) == pytest.approx([(1 * 1 + 2 * 3) / 3, 0.5])


def test_what_is_lacking_is_measured_at_the_best_setting():
    """Three cases of one kind: a front of 0, 0.4 and 0.9 against 1 at a cost of 20."""
    ones = np.ones((3, 1))
    costs, qualities = (
        [ones * [10.0, 20.0, 40.0], ones * 20.0],
        [ones * [0.0, 0.4, 0.9], ones * 1.0],
    )
    logs, best, behind = _log_costs(costs, qualities, Averages(np.ones((1, 3))), [(None, None)])
    assert (logs[0], best[0], behind[0]) == pytest.approx((NEVER, -0.1, 0.6))
    qualities[1] = ones * 0.65
    logs, best, behind = _log_costs(costs, qualities, Averages(np.ones((1, 3))), [(None, None)])
    assert (logs[0], best[0], behind[0]) == pytest.approx((np.log(30 / 20), 0.25, 0.25))


def test_a_ratio_of_times_under_another_name_is_timed_where_the_card_says_so():
    metrics = (*TASK.metrics, Metric("rate", "1", "lower", "cost", clocked=True))
    records = [
        replace(one, values={**one.values, "rate": one.values["faults"]})
        if one.cell.seed < 5 or one.cell.conditions["slots"] != 20 or one.cell.method == "old"
        else one
        for one in front("new", 0.0, price=0.2) + run("old", faults=20.0, score=about(0.5, 0.005, 5))
    ]  # fmt: skip
    claim = claim_of(Reach("rate", "score", "old"), 0.4)
    cards = CARDS | {"new": Card("New", claims=(claim,))}
    for card, words in ((replace(TASK, metrics=metrics), "9 of 24 cases"), (TASK, "")):
        found = Evidence("toy", card, cards, collapse(from_records(records)))
        assert words in rule_of(claim, "new", found).reason
        assert ("no valid rate" in rule_of(claim, "new", found).reason) == bool(words)


def test_the_nearest_rising_curve():
    x = np.array([[1.0, 2.0, 3.0, 4.0, 4.0]])
    y = np.array([[0.0, 3.0, 1.0, 5.0, 5.0]])
    assert _rising(x, y).tolist() == [[0.0, 2.0, 2.0, 5.0, 5.0]]
    assert _rising(x, -y).tolist() == [[-2.25] * 5]  # the repeated vertex counts once
