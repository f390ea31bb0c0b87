import random

import pytest

from adabench.harness.analysis.claims.verdicts import verdicts
from adabench.harness.contract.card import (
    Bound,
    Card,
    Claim,
    Frontier,
    Knob,
    Metric,
    Monotone,
    OutOfReach,
    Ratio,
)
from adabench.harness.contract.record import Cell, Record

TASK = Card(
    "Toy",
    role="static",
    knobs=(Knob("noise", (0, 0.5, 1), 0), Knob("slots", (10, 20), 10)),
    metrics=(
        Metric("faults", "1", "lower", "work", primary=True),
        Metric("accuracy", "1", "higher", "quality", primary=True),
    ),
    budget="slots",
)
TRUST = Knob("trust", (0, 1), 0)
SEEDS, CASES = range(8), range(3)


def record(method, seed=0, case=0, *, point=None, noise=0, slots=10, scale="embedded", **more):
    status, note = more.pop("status", "ok"), more.pop("note", "")
    group = more.pop("group", f"family {case}")
    cell = Cell("toy", method, point or {}, {"noise": noise, "slots": slots}, scale, seed)
    return Record(cell, "solve", case, 0, status, more, note, group)


def run(method, faults, **more):
    """Records of a method over all seeds and cases; `faults(seed, case)` gives the count."""
    return [record(method, s, c, faults=faults(s, c), **more) for s in SEEDS for c in CASES]


def size(seed, case):
    """Cases differ a hundredfold, seeds by some per cent."""
    return (10, 100, 1000)[case] * (1 + 0.05 * seed)


def jitter(amount):
    """A repeatable factor around 1 for each seed and case."""
    return lambda seed, case: 1 + amount * (random.Random(seed * 7 + case).random() - 0.5)


def times(factor, amount=0.1):
    noise = jitter(amount)
    return lambda seed, case: size(seed, case) * factor * noise(seed, case)


def judged(expect, records, *, rival=None, own=None, scale="embedded"):
    claim = Claim("T-1", "says", "paper", expect, scale)
    cards = {
        "toy/new": own or Card("New", claims=(claim,), knobs=(TRUST,)),
        "toy/old": rival or Card("Old", role="static"),
        "toy/other": Card("Other", role="static"),
    }
    present = {record.cell.address for record in records}
    rows = verdicts(
        records, {"toy": TASK}, {name: card for name, card in cards.items() if name in present}
    )
    (row,) = [row for row in rows if row.method == "new"]
    return row


BASE = run("old", size)


@pytest.mark.parametrize(
    ("factor", "amount", "high", "verdict"),
    [
        (0.5, 0.1, 0.6, "reproduced"),
        (0.8, 0.1, 0.6, "direction only"),
        (1.2, 0.1, 0.6, "not reproduced"),
        (1.0, 0.001, 0.6, "not reproduced"),
        (0.98, 1.0, 0.9, "undecided"),
        (1.05, 0.1, 1.1, "reproduced"),
        (1.3, 0.1, 1.1, "not reproduced"),
        (1.1, 0.3, 1.1, "undecided"),
    ],
)
def test_ratio_of_a_cost(factor, amount, high, verdict):
    row = judged(Ratio("faults", "old", high=high), BASE + run("new", times(factor, amount)))
    assert row.verdict == verdict
    assert row.low < row.estimate < row.high
    assert (row.threshold, row.n) == (high, len(SEEDS) * len(CASES))


def test_ratio_that_must_rise():
    row = judged(Ratio("faults", "old", low=1.5), BASE + run("new", times(2)))
    assert row.verdict == "reproduced"
    row = judged(Ratio("faults", "old", low=1.5), BASE + run("new", times(0.5)))
    assert row.verdict == "not reproduced"


def test_ratio_divides_before_it_averages():
    # Half the faults on the two small families, one and a half times on the large one.
    mixed = run("new", lambda s, c: size(s, c) * (0.5, 0.5, 1.5)[c])
    row = judged(Ratio("faults", "old", high=0.8), BASE + mixed)
    assert row.estimate == pytest.approx((0.5 * 0.5 * 1.5) ** (1 / 3))
    assert row.verdict == "reproduced"  # a ratio of summed faults would be 1.4


def test_undecided_says_how_many_seeds_more():
    row = judged(Ratio("faults", "old", high=0.9), BASE + run("new", times(0.97, 0.9)))
    assert row.verdict == "undecided"
    assert "more seeds" in row.reason


def test_one_replicate_decides_no_mean():
    records = [record("old", faults=10), record("new", faults=1)]
    row = judged(Ratio("faults", "old", high=0.9), records)
    assert (row.verdict, row.estimate, row.low) == ("undecided", pytest.approx(0.1), None)
    assert "one replicate" in row.reason


def test_several_rivals_hold_each_pair_to_the_best():
    good_on_even = run("old", lambda s, c: 10 if s % 2 else 100)
    good_on_odd = run("other", lambda s, c: 100 if s % 2 else 10)
    claim = Ratio("faults", ("old", "other"), high=1.0, every=True)
    assert judged(claim, good_on_even + good_on_odd + run("new", lambda s, c: 10)).estimate == 1
    row = judged(claim, good_on_even + good_on_odd + run("new", lambda s, c: 50))
    assert (row.verdict, row.estimate) == ("not reproduced", 5)


def test_every_is_exact_and_names_the_worst_pair():
    claim = Ratio("faults", "old", low=1.0, high=1.0, every=True)
    row = judged(claim, BASE + run("new", size))
    assert (row.verdict, row.low, row.high, row.n) == ("reproduced", None, None, 24)
    off = run("new", lambda s, c: size(s, c) + (s == 3 and c == 1))
    row = judged(claim, BASE + off)
    assert row.verdict == "not reproduced"
    assert row.estimate == pytest.approx(1 + 1 / size(3, 1))
    assert "family 1, seed 3, case 1" in row.reason
    assert "1 of 24" in row.reason


def test_every_with_a_zero_rival_and_an_allowance():
    zero = run("old", lambda s, c: 0)
    claim = Ratio("faults", "old", high=2.0, every=True, allowance=5)
    assert judged(claim, zero + run("new", lambda s, c: 5)).verdict == "reproduced"
    row = judged(claim, zero + run("new", lambda s, c: 6))
    assert (row.verdict, row.estimate) == ("not reproduced", None)


def test_zero_scores_are_summed_before_dividing_and_the_row_says_so():
    claim = Ratio("accuracy", "old", low=1.2)
    old = [record("old", s, c, accuracy=float((s + c) % 2)) for s in SEEDS for c in CASES]
    new = [record("new", s, c, accuracy=1.0) for s in SEEDS for c in CASES]
    row = judged(claim, old + new)
    assert row.estimate == pytest.approx(2.0)
    assert "ratio of means" in row.reason


@pytest.mark.parametrize(("loss", "verdict"), [(0.01, "reproduced"), (0.1, "direction only")])
def test_keeping_a_quality_within_its_margin(loss, verdict):
    claim = Ratio("faults", "old", high=0.6, keeping={"accuracy": 0.02})
    old = run("old", size, accuracy=0.9)
    row = judged(claim, old + run("new", times(0.5), accuracy=0.9 - loss))
    assert row.verdict == verdict
    assert ("accuracy" in row.reason) == (loss > 0.02)


def test_keeping_a_cost_has_the_other_direction():
    claim = Ratio("accuracy", "old", low=1.1, keeping={"faults": 5})
    old = run("old", lambda s, c: 100, accuracy=0.5)
    better = run("new", lambda s, c: 50, accuracy=0.9)
    worse = run("new", lambda s, c: 150, accuracy=0.9)
    assert judged(claim, old + better).verdict == "reproduced"
    assert judged(claim, old + worse).verdict == "direction only"


def test_a_missing_rival_or_condition_is_named():
    claim = Ratio("faults", "old", high=0.9)
    assert judged(claim, run("new", size)).reason == "run old too"
    row = judged(claim, run("old", size, noise=0.5) + run("new", size, noise=0.5))
    assert (row.verdict, row.n) == ("undecided", 0)
    assert "noise=0" in row.reason
    assert "0.5" in row.reason


def test_where_picks_conditions_and_unnamed_ones_stay_at_their_default():
    noisy = run("old", size, noise=1) + run("new", times(2), noise=1)
    clean = run("old", size) + run("new", times(0.5))
    at_zero = judged(Ratio("faults", "old", high=0.8), noisy + clean)
    at_one = judged(Ratio("faults", "old", high=0.8, where={"noise": 1}), noisy + clean)
    both = judged(Ratio("faults", "old", high=0.8, where={"noise": (0, 1)}), noisy + clean)
    assert at_zero.estimate == pytest.approx(0.5, rel=0.1)
    assert at_one.estimate == pytest.approx(2, rel=0.1)
    assert both.estimate == pytest.approx(1, rel=0.1)
    assert both.n == at_zero.n  # a case counts once


def test_a_named_knob_is_shared_with_a_rival_that_has_it():
    rival = Card("Old", role="static", knobs=(TRUST,))
    records = [
        one
        for trust in (0, 1)
        for one in run("old", times(1 + trust, 0), point={"trust": trust})
        + run("new", times(0.5 * (1 + trust), 0), point={"trust": trust})
    ]
    for where in ({}, {"trust": 1}, {"trust": (0, 1)}):
        row = judged(Ratio("faults", "old", high=0.5, where=where), records, rival=rival)
        assert row.estimate == pytest.approx(0.5)
    alone = [one for one in records if one.cell.method == "new"] + BASE
    row = judged(Ratio("faults", "old", high=0.5, where={"trust": 1}), alone)
    assert row.estimate == pytest.approx(1.0)


def test_groups_filter_cases():
    mixed = run("new", lambda s, c: size(s, c) * (0.5, 1, 1)[c])
    row = judged(Ratio("faults", "old", high=0.6, groups=("family 0",)), BASE + mixed)
    assert (row.verdict, row.n) == ("reproduced", len(SEEDS))


def test_unlike_instances_do_not_pair():
    claim = Ratio("faults", "old", high=0.9)
    old = [record("old", s, faults=10, instance=s) for s in SEEDS]
    same = [record("new", s, faults=5, instance=s) for s in SEEDS]
    other = [record("new", s, faults=5, instance=s + 1) for s in SEEDS]
    assert judged(claim, old + same).verdict == "reproduced"
    row = judged(claim, old + other)
    assert (row.verdict, row.n) == ("undecided", 0)
    assert "different instances" in row.reason


def bounded(values, **claim):
    records = [record("new", s, faults=f, limit=b, faults_se=e) for s, (f, b, e) in values]
    return judged(Bound("faults", "limit", **claim), records)


def test_bound_holds_or_names_the_case():
    row = bounded(enumerate([(5, 10, 0), (9, 10, 0)]))
    assert (row.verdict, row.estimate, row.threshold, row.n) == ("reproduced", 0.9, 1, 2)
    row = bounded(enumerate([(5, 10, 0), (11, 10, 0)]))
    assert (row.verdict, row.estimate) == ("not reproduced", 1.1)
    assert "seed 1" in row.reason


def test_bound_on_a_mean_allows_three_standard_errors():
    assert bounded([(0, (12.9, 10, 1))], over="mean").verdict == "reproduced"
    assert bounded([(0, (13.1, 10, 1))], over="mean").verdict == "not reproduced"
    assert bounded([(0, (12.9, 10, 1))], over="every").verdict == "not reproduced"


def test_bound_of_zero_is_compared_and_not_divided_by():
    assert bounded([(0, (0, 0, 0))]).verdict == "reproduced"
    assert bounded([(0, (1, 0, 0))]).verdict == "not reproduced"


def test_bound_looks_at_every_recorded_condition():
    records = [record("new", faults=5, limit=10), record("new", noise=1, faults=20, limit=10)]
    row = judged(Bound("faults", "limit"), records)
    assert row.verdict == "not reproduced"
    assert "noise=1" in row.reason
    assert judged(Bound("faults", "limit", where={"noise": 0}), records).verdict == "reproduced"


def sweep(curve):
    """Records over noise; `curve(noise)` is the factor on each case's size."""

    def faults(noise):
        return lambda s, c: size(s, c) * curve(noise) * jitter(0.05)(s + round(1000 * noise), c)

    return [one for noise in (0, 0.5, 1) for one in run("new", faults(noise), noise=noise)]


@pytest.mark.parametrize(
    ("curve", "tolerance", "verdict"),
    [
        (lambda x: 1 + x, 0.0, "reproduced"),
        (lambda x: 2 - x, 0.0, "not reproduced"),
        (lambda x: {0: 1.0, 0.5: 3.0, 1: 2.7}[x], 0.0, "direction only"),
        (lambda x: {0: 1.0, 0.5: 3.0, 1: 2.7}[x], 0.3, "reproduced"),
        (lambda x: 1.0, 0.0, "undecided"),
    ],
)
def test_monotone_over_a_condition(curve, tolerance, verdict):
    row = judged(Monotone("faults", over="noise", rising=True, tolerance=tolerance), sweep(curve))
    assert row.verdict == verdict
    assert -1 <= row.estimate <= 1


def test_a_constant_curve_is_not_monotone_in_the_sense_of_a_claim():
    flat = [one for noise in (0, 1) for one in run("new", size, noise=noise)]
    row = judged(Monotone("faults", over="noise", rising=False), flat)
    assert (row.verdict, row.estimate) == ("not reproduced", 0)


def test_monotone_over_a_knob_and_without_a_sweep():
    both = [one for t in (0, 1) for one in run("new", times(2 - t), point={"trust": t})]
    claim = Monotone("faults", over="trust", rising=False)
    assert judged(claim, both).verdict == "reproduced"
    row = judged(claim, run("new", size, point={"trust": 0}))
    assert row.verdict == "undecided"
    assert "--sweep trust=0,1" in row.reason


def front(method, lift, **more):
    return [
        one
        for slots in (10, 20)
        for one in run(method, lambda s, c, k=slots: k + s, slots=slots, **more)
        for one in [
            record(
                method, one.cell.seed, one.case, slots=slots,
                faults=one.values["faults"], accuracy=slots / 40 + lift + 0.01 * (one.case % 2),
            )
        ]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lift", "margin", "verdict"),
    [
        (0.1, 0.05, "reproduced"),
        (0.1, 0.2, "direction only"),
        (-0.1, 0.0, "not reproduced"),
        (0.0, 0.0, "not reproduced"),
    ],
)
def test_frontier_over_budgets(lift, margin, verdict):
    claim = Frontier("faults", "accuracy", "old", margin=margin)
    row = judged(claim, front("old", 0.0) + front("new", lift))
    assert row.verdict == verdict
    assert row.estimate == pytest.approx(lift)


def test_what_cannot_be_tested_here_says_why():
    records = BASE + run("new", size)
    row = judged(OutOfReach("needs a cluster"), records)
    assert (row.verdict, row.reason) == ("not testable here", "needs a cluster")
    row = judged(Ratio("faults", "old", high=1), records, scale="gpu")
    assert row.verdict == "not testable here"
    assert "needs scale gpu; this run was embedded" in row.reason
    assert judged(Ratio("energy_j", "old", high=1), records).verdict == "not testable here"
    estimated = run("old", size, energy_est_j=1.0) + run("new", size, energy_est_j=0.5)
    assert judged(Ratio("energy_est_j", "old", high=1), estimated).verdict == "not testable here"


@pytest.mark.parametrize(
    ("status", "verdict"), [("skipped", "not testable here"), ("error", "undecided")]
)
def test_a_method_without_results_gives_its_note(status, verdict):
    records = [*BASE, record("new", status=status, note="no milp here")]
    row = judged(Ratio("faults", "old", high=1), records)
    assert (row.verdict, row.reason) == (verdict, "no milp here")


def test_rows_carry_the_claim_and_the_fidelity():
    claim = Claim("T-9", "fewer faults", "0.5x", Ratio("faults", "old", high=0.6))
    own = Card("New", claims=(claim,), knobs=(TRUST,), fidelity="reconstructed")
    row = judged(None, BASE + run("new", times(0.5)), own=own)
    assert (row.id, row.says, row.paper, row.fidelity) == (
        "T-9", "fewer faults", "0.5x", "reconstructed",
    )  # fmt: skip


@pytest.mark.parametrize(
    "expect",
    [
        Ratio("faults", "old", high=0.9),
        Ratio("faults", "old", high=0.9, every=True),
        Monotone("faults", over="noise", rising=True),
        Monotone("faults", over="trust", rising=True),
        Bound("faults", "limit"),
        Frontier("faults", "accuracy", "old", margin=0.0),
    ],
)
def test_groups_may_sort_otherwise_than_their_cases(expect):
    """A place's number goes by group before case, a leaf's row by case alone."""

    def found(name):
        records = [
            record(method, seed, case, noise=noise, group=name(case), limit=2.0 * size(seed, case),
                   accuracy=0.1 * case + 0.01 * seed + good,
                   faults=size(seed, case) * factor * (1 + noise) * jitter(0.1)(seed, case))
            for method, factor, good in (("old", 1.0, 0.0), ("new", 0.7, 0.1))
            for seed in SEEDS for case in CASES for noise in (0, 0.5, 1)
        ]  # fmt: skip
        return judged(expect, records)

    here, there = found(lambda case: f"family {case}"), found(lambda case: f"family {9 - case}")
    assert (here.verdict, here.n, here.reason.replace("family", "")[:12]) == (
        there.verdict, there.n, there.reason.replace("family", "")[:12]
    )  # fmt: skip
    assert here.estimate == (there.estimate and pytest.approx(there.estimate))
