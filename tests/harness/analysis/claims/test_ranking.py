import pytest

from adabench.harness.analysis.claims.verdicts import verdicts
from adabench.harness.contract.card import Bound, Card, Claim, Knob, Level, Metric, Rank, SignedRank
from adabench.harness.contract.record import Cell, Record

TASK = Card(
    "Toy",
    role="static",
    knobs=(Knob("suite", ("smoke", "grid"), "smoke"),),
    metrics=(
        Metric("cost", "1", "lower", "work", primary=True),
        Metric("close", "1", "higher", "quality", primary=True),
    ),
)
ARMS = Knob("arm", ("a", "b", "c"), "a")
SEEDS = range(8)


def record(method, seed, *, case=0, suite="smoke", point=None, **values):
    cell = Cell("toy", method, point or {}, {"suite": suite}, "embedded", seed)
    return Record(cell, "solve", case, 0, "ok", values, "", "family")


def judged(expect, records):
    claim = Claim("T-1", "says", "paper", expect)
    cards = {
        "toy/new": Card("New", claims=(claim,), knobs=(Knob("policy", ("x", "y"), "x"),)),
        "toy/old": Card("Old", role="static"),
        "toy/arms": Card("Arms", role="static", knobs=(ARMS,)),
    }
    present = {record.cell.address for record in records}
    own = {name: card for name, card in cards.items() if name in present}
    [row] = [row for row in verdicts(records, {"toy": TASK}, own) if row.method == "new"]
    return row


def values(*each, method="new", name="cost", **more):
    return [record(method, seed, **{name: value}, **more) for seed, value in enumerate(each)]


@pytest.mark.parametrize(
    ("each", "verdict"),
    [
        ((0.5, 0.4, 0.6, 0.5, 0.3, 0.7), "reproduced"),
        ((0.2, 0.15, 0.25, 0.2, 0.1, 0.3), "direction only"),
        ((0.9, -0.8, 0.7, -0.6, 0.5, 0.3), "undecided"),
        ((-0.5, -0.4, -0.6, -0.5, -0.3, -0.7), "not reproduced"),
    ],
)
def test_a_level_is_a_mean_and_its_interval(each, verdict):
    row = judged(Level("cost", low=0.3), values(*each))
    assert (row.verdict, row.threshold, row.n) == (verdict, 0.3, 6)
    assert row.estimate == pytest.approx(sum(each) / 6)


def test_a_level_may_be_a_share_of_cases():
    claim = Level("cost", low=0.3, above=0.3, reaching=3.0)
    most = judged(claim, values(*[5, 3, 4, 7] * 4, 1, 1, 3))
    assert (most.verdict, most.estimate) == ("reproduced", 17 / 19)
    none = judged(claim, values(*[2] * 20))
    assert (none.verdict, none.estimate) == ("not reproduced", 0.0)
    assert 0 < none.high < 0.3  # none of twenty is no proof of none
    few = judged(claim, values(5, 1, 1, 1, 1, 9, 1, 8))
    assert few.verdict == "undecided"
    # Agresti and Coull's: one case a seed is a draw of its own.
    ten = judged(claim, values(*[5] * 8, 1, 1))
    assert (ten.verdict, ten.low, ten.high) == (
        "reproduced", pytest.approx(0.478, abs=1e-3), pytest.approx(0.951, abs=1e-3),
    )  # fmt: skip


def test_cases_of_a_seed_are_no_draws_of_their_own():
    """All cases of a seed agree: four seeds of five cases are not twenty draws."""
    claim = Level("cost", low=0.3, above=0.3, reaching=3.0)
    records = [
        record("new", seed, case=case, cost=5.0 if seed else 1.0)
        for seed in range(5)
        for case in range(5)
    ]
    row = judged(claim, records)
    assert row.n == 25
    assert row.high - row.low > 0.5


def test_one_replicate_has_no_level():
    row = judged(Level("cost", low=0.3), values(5))
    assert row.verdict == "undecided"
    assert "more seeds" in row.reason


def arms(a, b, c, **more):
    """Three settings of a rival, a value a seed each."""
    return [
        one
        for arm, each in (("a", a), ("b", b), ("c", c))
        for one in values(*each, method="arms", point={"arm": arm}, **more)
    ]


def test_the_median_setting_is_neither_the_best_nor_the_worst():
    """Ahead of b and c, behind a: ahead of the median setting, by one rank of four."""
    field = arms([1] * 8, [3] * 8, [4] * 8)
    row = judged(Rank("cost", against="arms"), values(*[2] * 8) + field)
    assert (row.verdict, row.estimate) == ("reproduced", 1.0)
    assert "mean rank 2 of 4" in row.reason
    behind = judged(Rank("cost", against="arms"), values(*[3.5] * 8) + field)
    assert (behind.verdict, behind.estimate) == ("not reproduced", -1.0)


def test_ranks_know_which_way_is_better():
    field = arms([1] * 8, [3] * 8, [4] * 8, name="close")
    row = judged(Rank("close", against="arms"), values(*[5] * 8, name="close") + field)
    assert (row.verdict, row.estimate) == ("reproduced", 2.0)
    assert (
        judged(Rank("close", against="arms"), values(*[2] * 8, name="close") + field).estimate < 0
    )


def test_it_must_be_ahead_of_every_rival():
    field = arms([1] * 8, [3] * 8, [4] * 8) + values(*[0] * 8, method="old")
    both = Rank("cost", against=("old", "arms"))
    assert judged(both, values(*[2] * 8) + field).verdict == "not reproduced"
    assert judged(Rank("cost", against="arms"), values(*[2] * 8) + field).verdict == "reproduced"


def test_ties_share_a_rank_and_lead_nobody():
    row = judged(Rank("cost", against="old"), values(*[7] * 8) + values(*[7] * 8, method="old"))
    assert (row.verdict, row.estimate) == ("not reproduced", 0.0)


def test_a_rival_of_one_setting_is_no_median():
    one = values(*[3] * 8, method="arms", point={"arm": "a"})
    row = judged(Rank("cost", against="arms"), values(*[2] * 8) + one)
    assert (row.verdict, row.reason) == ("undecided", "arms needs a sweep: --sweep arm=a,b,c")


def test_its_own_knobs_stand_at_their_default():
    """Another policy of the method that would win is no part of the contest."""
    field = arms([1] * 8, [3] * 8, [4] * 8) + values(*[0] * 8, point={"policy": "y"})
    row = judged(Rank("cost", against="arms"), values(*[3.5] * 8) + field)
    assert (row.verdict, row.estimate) == ("not reproduced", -1.0)
    assert "mean rank 3 of 4" in row.reason


def test_ranks_are_taken_within_equal_conditions():
    """Costs of the grid are a hundredfold: ranked with those of the smoke run they would decide."""
    records = [
        one
        for suite, factor in (("smoke", 1), ("grid", 100))
        for one in values(*[2 * factor] * 8, suite=suite)
        + values(*[3 * factor] * 8, method="old", suite=suite)
    ]
    claim = Rank("cost", against="old", where={"suite": ("smoke", "grid")})
    row = judged(claim, records)
    assert (row.verdict, row.estimate) == ("reproduced", 1.0)


GAINS = (5, 4, -1, 6, 3, 2, 7, 8, 9, 10, 11, 12)


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        (GAINS, "reproduced"),
        (tuple(-gain for gain in GAINS), "not reproduced"),
        ((5, -4, 1, -6, 3, -2, 7, -8, 9, -10, 11, -12), "not reproduced"),
        ((0,) * 12, "not reproduced"),
        (GAINS[:9], "undecided"),
    ],
)
def test_wilcoxon_decides(gains, verdict):
    records = values(*[100 - gain for gain in gains]) + values(*[100] * len(gains), method="old")
    row = judged(SignedRank("cost", against="old"), records)
    assert (row.verdict, row.n) == (verdict, len(gains))


def test_wilcoxon_counts_wins_and_knows_which_way_is_better():
    records = values(*GAINS, name="close") + values(*[0] * 12, method="old", name="close")
    row = judged(SignedRank("close", against="old"), records)
    assert row.verdict == "reproduced"
    assert "11 won, 0 tied, 1 lost" in row.reason
    assert row.estimate == pytest.approx((78 - 2 * 1) / 78)


def test_a_metric_that_was_not_recorded_decides_nothing():
    for expect in (Level("close", low=1), Rank("close", "old"), SignedRank("close", "old")):
        records = values(*[1] * 8) + values(*[2] * 8, method="old")
        assert judged(expect, records).verdict == "undecided"
    assert judged(Bound("cost", "cost"), values(*[1] * 8)).verdict == "reproduced"
