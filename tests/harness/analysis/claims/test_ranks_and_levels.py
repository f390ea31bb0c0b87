"""Levels, ranks, tests of ranks and correlations."""

import random

import pytest

from adabench.harness.contract.card import Correlation, Level, Rank, SignedRank
from tests.harness.analysis.claims.toy_run import about, judged, record, run


def values(*each, method="new", name="faults", **more):
    return [record(method, seed, **{name: value}, **more) for seed, value in enumerate(each)]


@pytest.mark.parametrize(
    ("each", "word"),
    [
        ((0.5, 0.4, 0.6, 0.5, 0.4), "reproduced"),
        ((0.2, 0.15, 0.25, 0.2, 0.1), "direction only"),
        ((0.9, -0.8, 0.7, -0.6, 0.5), "undecided"),
        ((-0.5, -0.4, -0.6, -0.5, -0.3), "contradicted"),
    ],
)
def test_a_level_is_a_mean_and_its_interval(each, word):
    row = judged(Level("score"), values(*each, name="score"), 0.6)
    assert (row.verdict, row.bar, row.n) == (word, 0.3, 5)
    assert row.estimate == pytest.approx(sum(each) / 5)


def test_a_level_below_what_counts_as_none():
    row = judged(Level("score", above=1.0), values(*[0.4, 0.5, 0.45, 0.5, 0.45], name="score"), 0.2)
    assert (row.verdict, row.bar) == ("reproduced", pytest.approx(0.6))


def test_a_level_may_be_a_share_of_cases():
    expect = Level("faults", low=0.3, above=0.3, reaching=3.0)
    most = judged(expect, values(*[5, 3, 4, 7] * 4, 1, 1, 3))
    assert (most.verdict, most.estimate) == ("reproduced", pytest.approx(17 / 19))
    none = judged(expect, values(*[2] * 20))
    assert (none.verdict, none.estimate) == ("contradicted", 0.0)
    assert 0 < none.high < 0.3  # none of twenty is no proof of none
    assert judged(expect, values(5, 1, 1, 1, 1, 9, 1, 8)).verdict == "undecided"


def test_all_answers_right_are_no_proof_of_the_next():
    row = judged(Level("accuracy", above=0.5), run("new", accuracy=1.0), 1.0)
    assert (row.verdict, row.estimate) == ("reproduced", 1.0)
    assert 0.8 < row.low < 0.9
    strict = judged(Level("accuracy", above=0.5), run("new", accuracy=1.0), 1.0, share=0.8)
    assert strict.verdict == "direction only"
    counter = judged(Level("faults", above=0.5), run("new", faults=1.0), 1.0, share=0.8)
    assert (counter.verdict, counter.low) == ("reproduced", None)


def test_cases_of_a_seed_are_no_draws_of_their_own():
    """All cases of a seed agree: five seeds of five cases are not 25 draws."""
    records = [record("new", s, c, faults=5.0 if s else 1.0) for s in range(5) for c in range(5)]
    row = judged(Level("faults", low=0.3, above=0.3, reaching=3.0), records)
    assert row.n == 25
    assert row.high - row.low > 0.5


def arms(a, b, c, name="score"):
    """Three settings of a rival, a value a seed each."""
    return [
        one for arm, each in (("a", a), ("b", b), ("c", c))
        for one in values(*each, method="arms", name=name, point={"arm": arm})
    ]  # fmt: skip


def test_the_median_setting_is_neither_the_best_nor_the_worst():
    """Ahead of b and c, behind a: ahead of the median setting by one rank of four, in every case."""
    field = arms([4] * 8, [2] * 8, [1] * 8)
    expect = Rank("score", against="arms", low=0.0)
    row = judged(expect, values(*[3] * 8, name="score") + field)
    assert row.estimate == 1.0
    assert row.low < 1.0 < row.high  # first in each of eight cases is not first for ever
    assert "mean rank 2 of 4" in row.reason
    behind = judged(expect, values(*[1.5] * 8, name="score") + field)
    assert behind.estimate == -1.0


@pytest.mark.parametrize(
    ("lead", "word"), [(3.0, "reproduced"), (-3.0, "contradicted"), (0.0, "undecided")]
)
def test_a_rank_is_decided_by_its_interval(lead, word):
    records = run("new", score=about(lead, 0.5, 1)) + run("old", score=about(0, 0.5, 2))
    assert judged(Rank("score", against="old", low=0.0), records).verdict == word


def test_a_number_of_ranks_may_be_claimed():
    """Ahead of the median of three by 1.5 ranks at the most, since four share the field."""
    records = run("new", score=about(5, 0.1, 1))
    for k, arm in enumerate("abc"):
        records += run("arms", score=about(0, 1, k + 5), where={"point": {"arm": arm}})
    assert judged(Rank("score", against="arms"), records, 2.0).verdict == "reproduced"
    assert judged(Rank("score", against="arms"), records, 5.0).verdict == "direction only"


def test_ranks_know_which_way_is_better_and_every_rival_counts():
    many = [run(name, faults=about(level, 0.1, k)) for k, (name, level) in
            enumerate((("new", 2), ("old", 1), ("other", 3)))]  # fmt: skip
    records = [one for each in many for one in each]
    assert judged(Rank("faults", against="other", low=0.0), records).verdict == "reproduced"
    both = judged(Rank("faults", against=("old", "other"), low=0.0), records)
    assert both.verdict == "contradicted"


def test_ties_share_a_rank_and_lead_nobody():
    records = run("new", score=7) + run("old", score=7)
    row = judged(Rank("score", against="old", low=0.0), records)
    assert (row.verdict, row.estimate) == ("undecided", 0.0)


def test_a_rival_of_one_setting_is_no_median():
    one = values(*[3] * 8, method="arms", name="score", point={"arm": "a"})
    row = judged(Rank("score", against="arms", low=0.0), values(*[2] * 8, name="score") + one)
    assert (row.verdict, row.reason) == ("not run", "arms needs a sweep: --sweep arm=a,b,c")


GAINS = (5, 4, -1, 6, 3, 2, 7, 8, 9, 10, 11, 12)


@pytest.mark.parametrize(
    ("gains", "word"),
    [
        (GAINS, "reproduced"),
        (tuple(-gain for gain in GAINS), "contradicted"),
        ((5, -4, 1, -6, 3, -2, 7, -8, 9, -10, 11, -12), "undecided"),
        ((0,) * 12, "not reproduced"),
        (GAINS[:9], "undecided"),
    ],
)
def test_wilcoxon_decides(gains, word):
    records = values(*[100 - gain for gain in gains])
    records += values(*[100] * len(gains), method="old")
    row = judged(SignedRank("faults", against="old"), records)
    assert (row.verdict, row.n) == (word, len(gains))


def test_wilcoxon_counts_wins_and_knows_which_way_is_better():
    records = values(*GAINS, name="score") + values(*[0] * 12, method="old", name="score")
    row = judged(SignedRank("score", against="old"), records)
    assert row.verdict == "reproduced"
    assert "11 won, 0 tied, 1 lost" in row.reason
    assert row.estimate == pytest.approx((78 - 2 * 1) / 78)


def test_cases_of_one_training_do_not_make_a_test_of_ranks():
    """Two of three seeds gain in all twenty cases and one loses in all: p is 0.005 over cases."""
    rng = random.Random(0)
    records = [
        record(name, s, c, score=((1, 1, -1)[s] * (1 + rng.random()) if name == "new" else 0.0))
        for name in ("new", "old") for s in range(3) for c in range(20)
    ]  # fmt: skip
    row = judged(SignedRank("score", against="old"), records)
    assert "p = 0.0" in row.reason
    assert row.verdict == "undecided"


def related(slope, spread):
    return run("new", faults=about(0, 1, 1),
               score=lambda s, c: slope * about(0, 1, 1)(s, c) + spread * about(0, 1, 2)(s, c))  # fmt: skip


@pytest.mark.parametrize(
    ("slope", "spread", "word"),
    [(1, 0.3, "reproduced"), (-1, 0.3, "contradicted"), (0, 1, "undecided")],
)
def test_a_correlation_over_cases(slope, spread, word):
    assert judged(Correlation("faults", "score"), related(slope, spread), 0.8).verdict == word


def test_a_perfect_correlation_is_no_certainty():
    row = judged(Correlation("faults", "score"), related(1, 0), 0.8)
    assert row.estimate == pytest.approx(1)
    assert row.low < 0.8


def test_what_never_varies_has_no_correlation():
    row = judged(Correlation("faults", "score"), run("new", faults=1.0, score=about(0, 1)), 0.8)
    assert (row.verdict, row.estimate) == ("undecided", None)
    assert "never varies" in row.reason


def test_a_metric_that_was_not_recorded_decides_nothing():
    records = values(*[1] * 12) + values(*[2] * 12, method="old")
    for expect in (Level("score", low=1), Rank("score", "old"), SignedRank("score", "old")):
        assert judged(expect, records).verdict == "not run"
