"""Units behind an interval, the level of a later look, advice: in numbers worked out anew."""

import math

import numpy as np
import pytest
from scipy import stats

from adabench.harness.analysis.claims.evidence import Evidence
from adabench.harness.analysis.claims.looks import Sample, advised, level, sample_of, wider
from adabench.harness.analysis.claims.unvaried import hidden, of_answers, of_share, widened
from adabench.harness.analysis.claims.verdict_rule import margin
from adabench.harness.analysis.replicates import ReplicateIndex, ReplicateList
from adabench.harness.stats.intervals import Interval, share
from adabench.harness.stats.paired_answers import answers_interval
from tests.harness.analysis.claims.toy_run import CARDS, TASK

FIVE, SIX = Sample(5, "seeds"), Sample(6, "seeds")
TOY = Evidence("toy", TASK, CARDS, ())


def places(seeds, cases):
    index = ReplicateIndex(np.arange(seeds), ("",), cases)
    return ReplicateList(index, np.arange(seeds * cases))


def pooled(found):
    return ReplicateList(found.where.resting_on("cases", (), 5, None), found.numbers)


TEN = places(1, 10)


def reach(units):
    """The half-width of the interval of a mean over so many units of spread 1."""
    return stats.t.ppf(0.975, max(units - 1, 1)) / math.sqrt(units)


def test_of_one_seed_the_cases_are_the_units_and_of_several_the_seeds():
    assert sample_of(places(1, 7)) == Sample(1, "seeds", 7)
    assert sample_of(places(1, 7)).freedom == 6
    assert sample_of(places(5, 4)) == Sample(5, "seeds", seeds=5)
    assert sample_of(pooled(places(3, 48))) == Sample(1, "cases", 144, seeds=3)
    assert (FIVE.freedom, Sample(2, "seeds").freedom, Sample(1, "seeds").freedom) == (4, 1, 1)


def test_from_the_sixth_unit_on_a_look_is_a_later_one():
    assert [Sample(size, "seeds").looks_again for size in (1, 5, 6)] == [False, False, True]
    assert level(FIVE) == pytest.approx(0.05)
    assert level(SIX) == pytest.approx(2 * stats.norm.sf(1.4 * stats.norm.ppf(0.975)))


def test_the_ends_of_a_later_look_are_moved_out_where_there_are_two():
    assert wider(Interval(1.0, 0.5, 3.0), FIVE) == (1.0, 0.5, 3.0)
    assert wider(Interval(1.0, 0.5, 3.0), SIX) == pytest.approx((1.0, 0.3, 3.8))
    for ends in ((None, 3.0), (0.5, None), (None, None)):
        assert wider(Interval(1.0, *ends), SIX) == (1.0, *ends)


@pytest.mark.parametrize("size", [2, 3, 5, 6, 10, 40])
@pytest.mark.parametrize("wanted", [1.0, 0.6, 0.3, 0.1])
def test_advice_is_the_least_number_whose_interval_excludes_the_value(size, wanted):
    """At a later look, and twice as many at least."""
    grown = 1.0 if size > 5 else 1.4
    shrunk = (n for n in range(1, 1001) if grown * reach(n) / reach(size) <= wanted)
    least = next(shrunk, None)
    expected = None if least is None else max(least, 2 * size, 6)
    assert advised(wanted, 1.0, Sample(size, "seeds")) == expected


def test_where_there_is_one_seed_a_seed_more_is_as_many_cases_more():
    least = next(n for n in range(1, 1001) if 1.4 * reach(20 * n) / reach(20) <= 0.3)
    assert advised(0.3, 1.0, Sample(1, "seeds", 20)) == max(least, 6)
    assert least > 6


def test_no_number_is_advised_where_none_tells():
    assert advised(0.0, 1.0, FIVE) is None
    assert advised(-0.1, 1.0, FIVE) is None
    assert advised(0.1, math.inf, FIVE) is None
    assert advised(1.0, 0.1, Sample(500, "seeds")) == 1000
    assert advised(1.0, 0.1, Sample(501, "seeds")) is None


@pytest.mark.parametrize("n", [1, 10, 60])
def test_as_much_is_hidden_as_the_interval_of_a_share_leaves_open(n):
    assert hidden(n) == pytest.approx(1 - share(n, n).low)
    assert hidden(n) == pytest.approx(share(0, n).high)
    more = 2.0 * hidden(n)
    assert widened(Interval(0.5, 0.5, 0.5), n, 2.0) == pytest.approx((0.5, 0.5 - more, 0.5 + more))


def test_what_has_a_width_or_no_ends_is_not_widened():
    for found in (Interval(0.5, 0.4, 0.6), Interval(0.5, None, None)):
        assert widened(found, 10, 1.0) == found
        assert of_share(found, TEN, "accuracy", TOY) == found
    point = Interval(0.5, 0.5, 0.5)
    assert of_share(point, TEN, "faults", TOY) == point
    assert of_share(point, TEN, "accuracy", TOY).low == pytest.approx(0.5 - hidden(10))


@pytest.mark.parametrize(("wins", "losses", "ties"), [(2, 1, 97), (0, 3, 27), (9, 0, 1)])
def test_few_answers_that_differ_are_as_uncertain_as_so_many_pairs(wins, losses, ties):
    gaps = np.repeat([1.0, -1.0, 0.0], [wins, losses, ties])
    middle = float(gaps.mean())
    near, far = Interval(middle, middle - 1e-6, middle + 1e-6), Interval(middle, -2.0, 2.0)
    seeds = places(5, len(gaps) // 5 + 1)[: len(gaps)]
    pairs = answers_interval(gaps)
    assert of_answers(near, seeds, gaps, "accuracy", TOY)[1:] == pairs
    assert of_answers(far, seeds, gaps, "accuracy", TOY)[1:] == (-1.0, 1.0), (
        "cut at what is possible"
    )
    assert of_answers(far, pooled(seeds), gaps, "accuracy", TOY)[1:] == pairs
    for other in (Interval(middle, None, 0.1), Interval(middle, -0.1, None)):
        assert of_answers(other, seeds, gaps, "accuracy", TOY) == other
    assert of_answers(near, seeds, gaps, "score", TOY) == near
    assert of_answers(near, seeds, gaps / 2, "accuracy", TOY) == near


@pytest.mark.parametrize("size", [3, 5, 6, 20])
def test_a_margin_is_kept_or_lost_where_p_is_one_in_forty(size):
    """A change of 0.1 less, in a scale of which 0.02 is the half-width at this look."""
    sample = Sample(size, "seeds")
    half = 0.02 / (1.4 if sample.looks_again else 1.0)
    change = Interval(-0.1, -0.1 - half, -0.1 + half)
    kept, open_ = margin("x", change, 0.1201, sample), margin("x", change, 0.1199, sample)
    assert (kept.state, open_.state) == ("kept", "open")
    assert kept.p_value == pytest.approx(0.025, abs=0.001)
    assert kept.p_value < 0.025 < open_.p_value
    assert margin("x", change, 0.0801, sample).state == "open"
    lost = margin("x", change, 0.0799, sample)
    assert (lost.state, lost.p_value) == ("lost", pytest.approx(0.975, abs=0.001))
    assert "gets worse by 0.1, more than 0.0799" in lost.reason
    assert margin("x", change, 0.1, sample).p_value == pytest.approx(0.5)
    assert open_.units == advised(0.0199, 0.02, sample)


def test_a_margin_of_what_never_varied_is_certain():
    point = Interval(-0.1, -0.1, -0.1)
    states = [margin("x", point, at, FIVE)[:3:2] for at in (0.05, 0.1, 0.2)]
    assert states == [("lost", 1.0), ("kept", 0.0), ("kept", 0.0)]
    assert margin("x", Interval(0.0, None, None), 1.0, FIVE).p_value == 1.0
