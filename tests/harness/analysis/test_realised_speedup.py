"""Realised speedup: saved work that became time, and one word where there is no number."""

import math
from dataclasses import replace

import pytest

from adabench.harness.analysis.operating_points import collapse
from adabench.harness.analysis.realised_speedup import realised_speedups
from adabench.harness.contract.card import Gap, Metric
from adabench.harness.contract.record import Record
from tests.harness.analysis.toy_plot import CARDS, CASES, SEEDS, STATIC, TASK, record


def timed(method, curve, latency, work=float):
    return [
        record(method, d, s, c, work=work(d), accuracy=a, latency_s=latency(d) * (1 + 0.01 * s))
        for d, a in curve.items()
        for s in SEEDS
        for c in CASES
    ]


def sped_up(router, *others):
    blind = timed("uniform", STATIC, lambda depth: 3.0 * depth)
    rows = realised_speedups(collapse([*blind, *router, *others]), {"toy": TASK}, CARDS)
    return {(row.method, row.metric): row for row in rows}


@pytest.mark.parametrize(
    ("latency", "speedup"),
    [(6.0, 1.0), (9.0, 0.0), (3 * 3 * 2 / 3 / math.sqrt(2 / 3), 0.5), (13.5, -1)],
)
def test_saved_work_that_became_time(latency, speedup):
    # Accuracy 0.65 costs a mixture 3 blocks and 9 s; the router does it in 2 blocks.
    row = sped_up(timed("router", {2: 0.65}, lambda depth: latency))["router", "latency_s"]
    assert row.work_ratio == pytest.approx(2 / 3)
    assert row.speedup == pytest.approx(speedup, abs=1e-9)
    assert row.low <= row.speedup <= row.high
    assert (row.against, row.n, row.work) == ("uniform(depth=2) + uniform(depth=4)", 24, "work")


def test_the_work_is_the_counter_that_the_card_names():
    flops = Metric("flops_counted", "FLOP", "lower", "cost")
    task = replace(TASK, metrics=(*TASK.metrics, flops), speedup_work="flops_counted")

    def counted(records, each):
        return [replace(r, values={**r.values, "flops_counted": each(r)}) for r in records]

    static = counted(
        timed("uniform", STATIC, lambda depth: 3.0 * depth), lambda r: r.values["work"]
    )
    router = timed("router", {2: 0.65}, lambda depth: 6.0)
    for flops_each, ratio in ((1.0, 1 / 3), (1.5, 0.5)):
        own = counted(router, lambda r, flops=flops_each: flops)
        (row,) = realised_speedups(collapse([*static, *own]), {"toy": task}, CARDS)
        assert (row.work, row.work_ratio) == ("flops_counted", pytest.approx(ratio))
        assert row.speedup == pytest.approx(math.log(6 / 9) / math.log(ratio))
    (bare,) = realised_speedups(collapse([*static, *router]), {"toy": task}, CARDS)
    assert (bare.speedup, bare.reason) == (None, "unrecorded")
    assert "flops_counted" in bare.remark


def test_statics_of_another_backbone_play_no_part():
    better = timed("other", {1: 0.7, 2: 0.8}, lambda depth: 0.1)
    row = sped_up(timed("router", {2: 0.65}, lambda depth: 6.0), *better)["router", "latency_s"]
    assert row.against == "uniform(depth=2) + uniform(depth=4)"


def skipping(quality, margin=0.01):
    """A router that leaves out two thirds of what `uniform` does at its default, 2."""
    cards = {**CARDS, "toy/router": replace(CARDS["toy/router"], skips_from="uniform")}
    task = replace(TASK, quality_margin=margin)
    static = timed("uniform", STATIC, lambda depth: 3.0 * depth)
    router = timed("router", {2: quality}, lambda depth: 2.0, work=lambda depth: depth / 3)
    (row,) = realised_speedups(collapse([*static, *router]), {"toy": task}, cards)
    return row


def test_a_method_that_skips_is_compared_within_the_margin_of_quality_only():
    row = skipping(0.595)
    assert row.speedup == pytest.approx(1)
    assert (row.against, row.reason) == ("uniform(depth=2)", "")
    assert row.remark == "accuracy differs by -0.005"
    lost = skipping(0.58)
    assert (lost.speedup, lost.reason) == (None, "quality")
    assert lost.remark == "accuracy differs by -0.02; the margin is 0.01"
    assert skipping(0.58, margin=0.03).speedup == pytest.approx(1)
    assert skipping(0.65).speedup == pytest.approx(1)  # better is no loss


def test_a_method_whose_whole_was_not_run_has_none():
    router = timed("router", {2: 0.65}, lambda depth: 1.0)
    cards = {**CARDS, "toy/router": replace(CARDS["toy/router"], skips_from="absent")}
    static = timed("uniform", STATIC, lambda depth: 3.0 * depth)
    (row,) = realised_speedups(collapse([*static, *router]), {"toy": TASK}, cards)
    assert (row.speedup, row.reason) == (None, "unrecorded")
    assert "absent has no record" in row.remark


@pytest.mark.parametrize("work", [2.9, 3.5])
def test_work_that_was_not_saved_cannot_become_time(work):
    rows = sped_up(timed("router", {2: 0.65}, lambda d: 1.0, work=lambda d: work))
    row = rows["router", "latency_s"]
    assert (row.speedup, row.reason) == (None, "unsaved")
    assert row.work_ratio == pytest.approx(work / 3)


def test_there_is_none_at_a_quality_statics_do_not_reach():
    row = sped_up(timed("router", {2: 0.9}, lambda d: 1.0))["router", "latency_s"]
    assert (row.speedup, row.work_ratio, row.reason) == (None, None, "unreached")
    assert "0.9: they reach 0.4 to 0.7" in row.remark


def test_it_looks_at_the_default_point_of_adaptive_methods_only():
    router = timed("router", {2: 0.65, 4: 0.69}, lambda depth: 6.0)
    rows = sped_up(router, *timed("random", {2: 0.5}, lambda d: 1.0))
    assert list(rows) == [("router", "latency_s")]
    assert rows["router", "latency_s"].work_ratio == pytest.approx(2 / 3)
    off = sped_up(timed("router", {4: 0.65}, lambda depth: 6.0))["router", "latency_s"]
    assert (off.speedup, off.reason) == (None, "unrecorded")
    assert "default point" in off.remark


def test_energy_counts_only_where_it_was_measured():
    def with_energy(records, joules):
        return [
            Record(r.cell, r.phase, r.case, 0, "ok", {**r.values, joules: r.values["latency_s"]})
            for r in records
        ]

    static = timed("uniform", STATIC, lambda depth: 3.0 * depth)
    router = timed("router", {2: 0.65}, lambda depth: 6.0)
    for joules, expected in (
        ("energy_j", ["latency_s", "energy_j"]),
        ("energy_est_j", ["latency_s"]),
    ):
        leaves = collapse(with_energy([*static, *router], joules))
        assert [row.metric for row in realised_speedups(leaves, {"toy": TASK}, CARDS)] == expected


def test_a_task_whose_latency_is_not_its_work_gives_its_reason_and_no_number():
    task = replace(TASK, no_speedup="why", gaps=(Gap(("uniform",), ("router",)),))
    router = timed("router", {2: 0.7}, lambda depth: 3.0 * depth)
    static = timed("uniform", STATIC, lambda depth: 3.0 * depth)
    (row,) = realised_speedups(collapse([*static, *router]), {"toy": task}, CARDS)
    assert (row.speedup, row.reason, row.remark) == (None, "unrelated", "why")
