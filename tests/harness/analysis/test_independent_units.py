"""What an interval rests on: cases pooled over seeds, trainings, seeds, items of a list."""

from dataclasses import replace

import numpy as np
import pytest

from adabench.harness.analysis.claims.verdicts import verdicts
from adabench.harness.analysis.independent_units import fitted_for, implied, with_units
from adabench.harness.analysis.operating_points import collapse
from adabench.harness.analysis.summary import summarise
from adabench.harness.contract.card import Card, Claim, Difference, Metric, Ratio
from adabench.harness.contract.record import Cell, Record
from adabench.harness.stats.intervals import means
from adabench.harness.stats.paired_answers import answers_interval
from adabench.harness.stats.student_t import t975

METRICS = (
    Metric("words", "tokens", "lower", "work", primary=True),
    Metric("right", "share", "higher", "quality", primary=True),
)
TASK = Card("Toy", role="static", cases="exchangeable", given=("policy-*",), metrics=METRICS)
GAIN = Difference("right", "old")
CLAIM = Claim("u-1", "It gains.", "measured", "+10 points", 0.1, GAIN)
CARDS = {"toy/old": Card("Old", role="static"), "toy/new": Card("New", claims=(CLAIM,))}


def records(seeds=3, cases=48, artefact="policy-s0", shared=True, fault=0.0, instance=None):
    """Answers of two methods; the new one uses an artefact, one for all seeds or one for each."""
    draw, found = np.random.default_rng(5), []
    for seed in range(seeds):
        for case in range(cases):
            luck = draw.random()
            for name, rate in (("old", 0.5), ("new", 0.7 + fault * seed)):
                trained = {"policy-s0": "a"} if artefact else {}
                if name == "new" and artefact:
                    trained |= {artefact: "b" if shared else f"b{seed}"}
                values = {"right": float(luck < rate), "words": 10.0 + case + (name == "new")}
                if instance:
                    values["instance"] = float(instance(seed, case))
                cell = Cell("toy", name, {}, {}, "embedded", seed)
                found.append(Record(cell, "solve", case, 0, "ok", values, trained=trained))
    return found


def row(found, task=TASK, cards=CARDS):
    return next(r for r in verdicts(found, {"toy": task}, cards) if r.id == "u-1")


def gaps(found):
    right = {(r.cell.method, r.cell.seed, r.case): r.values["right"] for r in found}
    return np.array([right["new", s, c] - right[m, s, c] for m, s, c in right if m == "old"])


def test_on_given_weights_the_cases_of_all_seeds_are_one_pool():
    found = records()
    known = row(found)
    assert (known.over, known.n) == ("cases", 144)
    assert (known.low, known.high) == pytest.approx(answers_interval(gaps(found)))


def test_cases_dealt_to_other_seeds_give_the_same_interval():
    one, many = records(1, 144), records(12, 12)
    assert (row(one).low, row(one).high) == pytest.approx((row(many).low, row(many).high))


def test_what_was_fitted_is_over_trainings_by_student_t():
    found = records(artefact="router", shared=False)
    known = row(found)
    by_seed = gaps(found).reshape(3, 48).mean(axis=1)
    half = t975(2) * by_seed.std(ddof=1) / np.sqrt(3)
    wide = answers_interval(gaps(found))
    assert (known.over, known.trainings) == ("trainings", 3)
    assert known.low == pytest.approx(min(by_seed.mean() - half, wide[0]))
    assert known.high == pytest.approx(max(by_seed.mean() + half, wide[1]))


def test_a_prepare_is_a_fit_though_it_leaves_no_artefact():
    cards = CARDS | {"toy/new": replace(CARDS["toy/new"], prepares=True)}
    assert row(records(), cards=cards).over == "trainings"


def test_of_one_training_no_statement_about_trainings_is_decided():
    known = row(records(cases=400, artefact="router"))
    assert (known.verdict, known.trainings) == ("undecided", 1)
    assert "alone reads reproduced" in known.reason
    assert row(records(cases=400)).verdict == "reproduced"


def test_seeds_of_a_nested_task_stay_units():
    assert row(records(), replace(TASK, cases="nested")).over == "seeds"


def test_a_claim_may_say_what_it_is_over():
    cards = CARDS | {"toy/new": replace(CARDS["toy/new"], claims=(replace(CLAIM, over="seeds"),))}
    assert row(records(), cards=cards).over == "seeds"


@pytest.mark.parametrize("said", ["cases", "seeds"])
def test_one_training_does_not_become_many_by_what_a_claim_says(said):
    """Five seeds of one fitted router are one training, whatever the claim would have."""
    card = replace(CARDS["toy/new"], claims=(replace(CLAIM, over=said),))
    known = row(records(5, 200, artefact="router"), cards=CARDS | {"toy/new": card})
    assert (known.over, known.trainings, known.verdict) == ("trainings", 1, "undecided")


def test_copies_of_a_list_are_one_case_and_have_no_interval():
    """Nineteen scenarios, fifteen copies each: a count of 19, however many seeds were run."""
    task = replace(TASK, cases="fixed")
    alike = [
        replace(
            r, values={**r.values, "right": float((r.case // 5 + (r.cell.method == "new")) % 3 > 0)}
        )
        for r in records(3, 95, instance=lambda seed, case: case // 5)
    ]
    known = row(alike, task)
    assert (known.n, known.low, known.high) == (19, None, None)
    summary = summarise(collapse(alike), {"toy": task}, CARDS)
    assert {(r.metrics["right"].n, r.metrics["right"].low) for r in summary} == {(19, None)}


def test_copies_that_differ_scatter_within_their_item():
    task = replace(TASK, cases="fixed")
    noisy = records(3, 95, instance=lambda seed, case: case // 5)
    known = row(noisy, task)
    assert known.n == 19
    assert known.low < known.estimate < known.high


def test_ratios_of_totals_are_those_of_a_bill():
    expect = Ratio("words", "old")
    claim = replace(CLAIM, effect=0.8, expect=expect)
    cards = CARDS | {"toy/new": replace(CARDS["toy/new"], claims=(claim,))}
    found = records()
    known = row(found, cards=cards)
    total = {
        name: sum(r.values["words"] for r in found if r.cell.method == name)
        for name in ("old", "new")
    }
    assert known.estimate == pytest.approx(total["new"] / total["old"])
    assert known.low < known.estimate < known.high


def test_trainings_of_given_weights_are_strata():
    """Their means may differ as they like: only what varies within them is in the interval."""
    found = collapse(records(2, 30))
    index = with_units(found, found, TASK, ())[0].places.where
    index = index.resting_on("cases", (0, 1), 5, None)
    places = replace(found[0].places, where=index)
    level = np.where(np.arange(60) < 30, 0.0, 100.0)[:, None]
    [flat] = places.intervals(means(level))
    assert flat.low == flat.high == 50.0
    assert (places.clusters, places.trainings) == (1, 2)


def test_what_a_task_gives_to_all_is_no_fit():
    assert fitted_for(["policy-s0", "router-s1"], TASK) == ["router-s1"]
    assert implied(TASK, (), ["policy-s0"]) == "cases"
    assert implied(TASK, (), ["router-s1"]) == "trainings"
    assert implied(replace(TASK, cases="fixed"), (), []) == "cases"
    assert implied(replace(TASK, cases="nested"), (), ["router-s1"]) == "seeds"


def test_a_question_that_is_asked_twice_is_one_case():
    """Sixty lines of a file, asked in three windows of 48: the last begins anew."""
    found = records(3, 48, instance=lambda seed, case: (48 * seed + case) % 60)
    assert row(found).n == 60
    assert row(records(3, 48, instance=lambda seed, case: 48 * seed + case)).n == 144


def several(rates):
    """Records of one given policy a seed, at whose cases the new method answers so much more."""
    draw, found = np.random.default_rng(8), []
    for seed, gain in enumerate(rates):
        for case in range(400):
            luck = draw.random()
            for name, rate in (("old", 0.4), ("new", 0.4 + gain)):
                cell = Cell("toy", name, {}, {}, "embedded", seed)
                values = {"right": float(luck < rate), "words": 1.0}
                trained = {f"policy-s{seed}": f"p{seed}"}
                found.append(Record(cell, "solve", case, 0, "ok", values, trained=trained))
    return found


def test_how_far_given_trainings_differ_stands_beside_the_verdict():
    alike, apart = row(several((0.2, 0.21, 0.19))), row(several((0.5, 0.3, -0.2)))
    assert (alike.over, alike.trainings, alike.verdict) == ("cases", 3, "reproduced")
    shares = [float(one.reason.partition("I^2 = ")[2][:4]) for one in (alike, apart)]
    assert shares[0] < 0.5 < shares[1]
    assert "flips" not in alike.reason
    assert "it flips between trainings: 2 read the claim's way and 1 against it" in apart.reason
