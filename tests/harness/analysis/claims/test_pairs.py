"""What is paired with what, and what of a pair that is left out: edges of every form of claim."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from adabench.harness.analysis.claims.discrimination import met_by
from adabench.harness.analysis.claims.evidence import Evidence
from adabench.harness.analysis.claims.ratio_and_difference import by_place
from adabench.harness.analysis.claims.unvaried import hidden
from adabench.harness.analysis.claims.verdicts import rule_of
from adabench.harness.analysis.operating_points import collapse
from adabench.harness.analysis.replicates import ReplicateIndex, ReplicateList
from adabench.harness.contract.card import (
    Bound,
    Card,
    Difference,
    Frontier,
    Knob,
    Level,
    Monotone,
    Ratio,
    Reach,
    SignedRank,
)
from adabench.harness.store.table import from_records
from tests.harness.analysis.claims.toy_run import (
    CARDS,
    TASK,
    about,
    claim_of,
    judged,
    record,
    run,
    size,
    times,
)

OLD = run("old", faults=size)


def test_rows_of_a_place_are_averaged_in_whatever_order_and_number_they_come():
    draw = np.random.default_rng(2)
    numbers, rows = draw.integers(0, 9, 40), draw.normal(size=(40, 3))
    index = ReplicateIndex(np.arange(3), ("",), 3)
    places, found = by_place(ReplicateList(index, numbers), rows)
    assert places.numbers.tolist() == sorted(set(numbers.tolist()))
    expected = [rows[numbers == number].mean(axis=0) for number in places.numbers]
    np.testing.assert_allclose(found, expected)


def test_a_knob_that_both_sides_have_need_not_stand_alike_unless_the_claim_names_it():
    other = Card("Old", role="adaptive", knobs=(Knob("trust", (0, 1), 1),))
    records = run("new", where={"point": {"trust": 0}}, faults=times(0.5))
    records += run("old", where={"point": {"trust": 1}}, faults=size)
    row = judged(Ratio("faults", "old"), records, 0.4, old=other)
    assert (row.verdict, row.n) == ("reproduced", 24)
    named = judged(Ratio("faults", "old", where={"trust": (0, 1)}), records, 0.4, old=other)
    assert named.verdict == "not run"


def test_a_knob_that_the_rival_alone_has_is_set_on_its_side():
    arms = [
        one for arm, factor in (("a", 8.0), ("b", 4.0))
        for one in run("arms", where={"point": {"arm": arm}}, faults=times(factor, 0.0))
    ]  # fmt: skip
    expect = Ratio("faults", "arms", where={"arm": "b"})
    row = judged(expect, arms + run("new", faults=times(2.0, 0.0)), 0.5)
    assert (row.n, row.estimate) == (24, pytest.approx(0.5))


def test_a_knob_that_both_have_may_stand_elsewhere_on_the_rivals_side():
    records = run("new", where={"point": {"trust": 1}}, faults=times(0.5))
    records += run("sibling", where={"point": {"trust": 0}}, faults=size)
    expect = Ratio("faults", "sibling", where={"trust": 1}, there={"trust": 0})
    assert judged(expect, records, 0.4).n == 24


def test_of_several_settings_of_a_rival_the_last_one_counts():
    arms = [
        one for arm, factor in (("c", 1.0), ("a", 8.0), ("b", 4.0))
        for one in run("arms", where={"point": {"arm": arm}}, faults=times(factor, 0.0))
    ]  # fmt: skip
    expect = Ratio("faults", "arms", there={"arm": ("a", "b")})
    row = judged(expect, arms + run("new", faults=times(2.0, 0.0)), 0.5)
    assert row.estimate == pytest.approx(0.5)


def test_a_case_that_a_rival_lacks_is_no_pair():
    for lacking in range(3):
        short = [one for one in OLD if one.case != lacking]
        row = judged(Ratio("faults", "old"), short + run("new", faults=times(0.5)), 0.4)
        assert (row.verdict, row.n) == ("reproduced", 16)


@pytest.mark.parametrize(("low", "word"), [(0.5, "holds"), (0.9, "violated")])
def test_every_pair_may_have_a_lower_limit_alone(low, word):
    def factor(seed, case):
        return size(seed, case) * (0.6 if (seed, case) == (2, 1) else 2.0)

    row = judged(Ratio("faults", "old", low=low, every=True), OLD + run("new", faults=factor))
    assert (row.verdict, row.bar, row.estimate) == (word, low, pytest.approx(0.6))
    assert "pairs from 0.6 to 2" in row.reason
    assert ("seed 2, case 1" in row.reason) == (word == "violated")


def test_every_pair_may_have_an_upper_limit_alone():
    def factor(seed, case):
        return size(seed, case) * (1.8 if (seed, case) == (5, 2) else 0.5)

    for high, word in ((1.8, "holds"), (1.7, "violated")):
        row = judged(Ratio("faults", "old", high=high, every=True), OLD + run("new", faults=factor))
        assert (row.verdict, row.bar, row.estimate) == (word, high, pytest.approx(1.8))
        assert ("seed 5, case 2" in row.reason) == (word == "violated")


def test_every_pair_is_held_to_the_rival_that_is_hardest_to_beat():
    rivals = run("old", faults=10.0) + run("other", faults=100.0)
    for limit, value, word in (("high", 25.0, "violated"), ("high", 15.0, "holds"),
                               ("low", 150.0, "violated"), ("low", 250.0, "holds")):  # fmt: skip
        expect = Ratio("faults", ("old", "other"), every=True, **{limit: 2.0})
        assert judged(expect, rivals + run("new", faults=value)).verdict == word, (limit, value)


def test_nothing_by_nothing_is_one_and_a_negative_value_has_no_ratio():
    def half(seed, case):
        return 0.0 if (seed, case) == (1, 1) else size(seed, case)

    records = run("old", faults=half) + run("new", faults=lambda s, c: half(s, c) / 2)
    row = judged(Ratio("faults", "old", high=1.0, every=True), records)
    assert (row.verdict, row.estimate) == ("holds", 1.0)
    below = run("new", score=lambda s, c: -1.0 if (s, c) == (1, 1) else 3.0)
    row = judged(Ratio("score", "old"), run("old", score=1.0) + below, 2.0)
    assert (row.verdict, row.estimate) == ("undecided", None)
    assert "1 of 24 pairs are not positive" in row.reason


def test_one_pair_of_zeros_is_one_replicate():
    records = [record("old", accuracy=1.0), record("new", accuracy=0.0)]
    row = judged(Ratio("accuracy", "old"), records, 0.5)
    assert (row.verdict, row.low) == ("undecided", None)
    lone = [record("old", faults=4.0), record("new", faults=2.0)]
    row = judged(Ratio("faults", "old"), lone, 0.5)
    assert (row.verdict, row.estimate) == ("undecided", pytest.approx(0.5))
    assert "one replicate" in row.reason


def test_what_must_be_kept_and_is_unknown_leaves_a_claim_open():
    def claim_row(name, records):
        expect = Ratio("faults", "old", keeping={name: 0.1})
        return judged(expect, records, 0.4)

    records = OLD + run("new", faults=times(0.5))
    row = claim_row("accuracy", records)
    assert (row.verdict, "accuracy was not recorded" in row.reason) == ("undecided", True)
    odd = [replace(one, values={**one.values, "oddity": 1.0}) for one in records]
    row = claim_row("oddity", odd)
    assert (row.verdict, "oddity has no direction" in row.reason) == ("undecided", True)
    timed = [replace(one, values={**one.values, "latency_s": about(1.0)(0, 0)}) for one in records]
    assert claim_row("latency_s", timed).verdict == "reproduced"


def test_a_share_that_must_be_kept_is_as_certain_as_all_of_its_cases():
    records = run("old", faults=size, accuracy=1.0) + run("new", faults=times(0.5), accuracy=1.0)
    for allowed, word in ((1.01, "reproduced"), (0.99, "undecided")):
        # Eight seeds are a later look: the ends lie 1.4 times further out.
        keeping = {"accuracy": allowed * 1.4 * hidden(24)}
        assert judged(Ratio("faults", "old", keeping=keeping), records, 0.4).verdict == word


def test_a_bound_of_nothing_allows_for_rounding_and_no_more():
    for faults, word in ((1e-13, "holds"), (1e-11, "violated")):
        row = judged(Bound("faults", "limit"), [record("new", faults=faults, limit=0.0)])
        assert (row.verdict, row.bar, row.estimate) == (word, 1.0, None)
    elsewhere = judged(Bound("faults", "limit", where={"noise": 1}), [record("new", faults=1.0)])
    assert (elsewhere.verdict, elsewhere.bar) == ("not run", 1.0)
    missing = judged(Bound("faults", "limit"), [record("new", faults=1.0)])
    assert (missing.verdict, missing.bar) == ("not run", 1.0)
    assert "limit was not recorded" in missing.reason


def curve(heights, metric="score", seeds=range(8)):
    return [
        one for k, (noise, height) in enumerate(zip((0, 0.5, 1), heights, strict=True))
        for one in run("new", seeds=seeds, where={"noise": noise},
                       **{metric: about(height, 0.02 * max(heights), k)})
    ]  # fmt: skip


@pytest.mark.parametrize("unit", [1.0, 1e-8, 1e8])
def test_a_curve_rises_in_whatever_unit_it_is_given(unit):
    expect = Monotone("score", over="noise", rising=True, tolerance=0.1 * unit)
    row = judged(expect, curve([height * unit for height in (0, 0.5, 1)]), unit)
    assert row.verdict == "reproduced"


def test_a_case_without_its_whole_curve_is_left_out():
    records = [
        one for one in curve((0.0, 0.5, 1.0))
        if (one.cell.seed, one.case, one.cell.conditions["noise"]) != (3, 1, 0.5)
    ]  # fmt: skip
    expect = Monotone("score", over="noise", rising=True, tolerance=0.1)
    row = judged(expect, records, 1.0)
    assert (row.verdict, row.n) == ("reproduced", 23)


def test_a_curve_over_words_goes_by_the_order_of_the_card():
    size_knob = Knob("size", ("small", "large", "huge"), "small")
    records = [
        one for height, word in enumerate(("small", "large", "huge"))
        for one in run("new", where={"point": {"size": word}}, score=about(height, 0.02, height))
    ]  # fmt: skip
    expect = Monotone("score", over="size", rising=True, tolerance=0.1)
    row = judged(expect, records, 2.0, knobs=(size_knob,))
    assert (row.verdict, row.estimate) == ("reproduced", pytest.approx(2, abs=0.05))


def test_one_value_has_no_level_to_speak_of():
    row = judged(Level("score", above=0.25), [record("new", score=1.0)], 1.0)
    assert (row.verdict, row.estimate) == ("undecided", 1.0)
    assert "one replicate" in row.reason


def test_a_test_of_ranks_needs_as_many_cases_as_are_asked_for():
    records = [record("old", s, score=0.0) for s in range(30)]
    records += [record("new", s, score=1.0 + s) for s in range(30)]
    for least, word in ((30, "reproduced"), (31, "undecided")):
        row = judged(SignedRank("score", "old", least=least), records)
        assert row.verdict == word
    assert "30 instances; 31 are asked for" in row.reason


def test_all_won_is_widened_by_what_so_many_cases_can_hide():
    """The rank-biserial correlation goes from -1 to 1: a case moves it by up to 2."""
    records = [record("old", s, score=0.0) for s in range(30)]
    records += [record("new", s, score=1.0 + s) for s in range(30)]
    row = judged(SignedRank("score", "old"), records)
    assert (row.verdict, row.estimate) == ("reproduced", 1.0)
    assert row.low == pytest.approx(1 - 2 * hidden(30))
    assert row.p_value >= stats.wilcoxon(np.arange(1.0, 31)).pvalue / 2
    less = judged(SignedRank("faults", "old"), [
        replace(one, values={"faults": -one.values["score"]}) for one in records
    ])  # fmt: skip
    assert (less.verdict, less.estimate) == (row.verdict, row.estimate)


def test_one_case_ranks_nothing():
    row = judged(SignedRank("score", "old", least=1), [
        record("old", score=0.0), record("new", score=1.0),
    ])  # fmt: skip
    assert row.verdict == "undecided"


def test_one_case_reaches_nothing_for_sure():
    records = [record("new", slots=k, faults=k, score=k / 40) for k in (10, 20, 40)]
    row = judged(
        Reach("faults", "score", "old"), [*records, record("old", faults=20, score=0.25)], 0.5
    )
    assert (row.verdict, row.low, row.high) == ("undecided", None, None)
    assert row.estimate == pytest.approx(0.5)


def test_a_front_whose_best_setting_may_be_as_good_is_not_refuted():
    """Its second setting is far below, and its third one about as good as the rival."""
    heights = {10: 0.0, 20: 0.4, 40: 0.99}
    own = [
        one for k, height in heights.items()
        for one in run("new", where={"slots": k}, faults=about(k, 0.01, k), score=about(height, 0.1, k))
    ]  # fmt: skip
    rival = run("old", faults=about(20.0, 0.01), score=about(1.02, 0.1, 7))
    row = judged(Reach("faults", "score", "old"), own + rival, 0.4)
    assert (row.verdict, "at no recorded cost" in row.reason) == ("undecided", True)


def evidence(records, **cards):
    known = CARDS | {"new": Card("New", knobs=(Knob("trust", (0, 1), 0),))} | cards
    dots = collapse(from_records(records))
    return Evidence("toy", TASK, known, dots)


def test_a_rival_that_meets_a_claim_in_two_settings_is_named_once():
    twice = [
        one for level in (1, 2)
        for one in run("fixed", where={"point": {"level": level}}, faults=times(0.4), score=2.0)
    ]  # fmt: skip
    found = evidence(OLD + run("new", faults=times(0.5)) + twice)
    claim = claim_of(Ratio("faults", "old"), 0.4, source="headline")
    assert met_by(claim, "new", found, lambda own: rule_of(claim, "new", own)).meeting == ("fixed",)


def test_a_static_whose_work_is_unknown_stands_in_too():
    """Of a task that counts no work, and where no case tells which of the two does more."""
    better = claim_of(Difference("score", "old"), 1.0, source="headline")
    records = run("old", score=1.0) + run("new", score=2.0) + run("fixed", score=2.0)
    found = evidence(records)
    silent = replace(TASK, metrics=tuple(m for m in TASK.metrics if m.role != "work"))
    for own in (found, replace(found, card=silent)):
        judge = met_by(better, "new", own, lambda seen: rule_of(better, "new", seen)).meeting
        assert judge == ("fixed",)


def test_work_is_what_a_static_may_not_do_more_of_in_whatever_order_a_card_has_its_metrics():
    better = claim_of(Difference("score", "old"), 1.0, source="headline")
    records = run("old", score=1.0, faults=size, accuracy=0.5)
    records += run("new", score=2.0, faults=times(1.0), accuracy=0.5)
    for factor, met in ((2.0, ()), (0.5, ("fixed",))):
        fixed = run("fixed", score=2.0, faults=times(factor), accuracy=0.5)
        found = evidence(records + fixed)
        turned = replace(found, card=replace(TASK, metrics=TASK.metrics[::-1]))
        for own in (found, turned):
            judge = met_by(better, "new", own, lambda seen: rule_of(better, "new", seen))
            assert judge.meeting == met


def test_a_front_asks_for_a_control_at_every_budget():
    """A control that was run at another budget than the default one was run all the same."""
    fronts = [
        one for method, lift in (("old", 0.0), ("new", 0.5)) for k in (10, 20, 40)
        for one in run(method, where={"slots": k}, faults=about(k, 0.01, k), score=about(k / 40 + lift, 0.02, k))
    ]  # fmt: skip
    coin = [
        one for k in (20, 40)
        for one in run("coin", where={"slots": k}, faults=about(k, 0.01), score=about(k / 80, 0.02))
    ]  # fmt: skip
    row = judged(Frontier("faults", "score", "old"), fronts + coin, 0.4, source="headline")
    assert (row.verdict, row.met_by) == ("reproduced", ())
