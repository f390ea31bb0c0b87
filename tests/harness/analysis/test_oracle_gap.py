import math
import random
from dataclasses import replace

import pytest

from adabench.harness.analysis.conversion import conversion
from adabench.harness.analysis.headroom import headroom
from adabench.harness.analysis.operating_points import collapse
from adabench.harness.contract.card import Card, Knob, Metric
from adabench.harness.contract.record import Cell, Record

WORK = Metric("work", "blocks", "lower", "work", primary=True)
GAIN = Metric("accuracy", "1", "higher", "quality", primary=True)
LOSS = Metric("accuracy", "1", "lower", "quality", primary=True)
TASK = Card("Toy", role="static", knobs=(Knob("noise", (0, 1), 0),), metrics=(WORK, GAIN))
DEPTH = Knob("depth", (1, 2, 4), 2)
CARDS = {
    "toy/uniform": Card("Uniform", role="static", knobs=(DEPTH,)),
    "toy/random": Card("Random", role="control", knobs=(DEPTH,)),
    "toy/router": Card("Router", role="adaptive", knobs=(DEPTH,)),
    "toy/best": Card("Best", role="oracle", oracle="exact", knobs=(DEPTH,)),
    "toy/loose": Card("Loose", role="oracle", oracle="bound", knobs=(DEPTH,)),
}
SEEDS, CASES = range(6), range(4)
STATIC = {1: 0.4, 2: 0.6, 4: 0.7}
"""The blind curve's corners: depth, which is the work, to accuracy."""


def record(method, depth, seed, case, *, noise=0, scale="embedded", **values):
    cell = Cell("toy", method, {"depth": depth}, {"noise": noise}, scale, seed)
    return Record(cell, "solve", case, 0, "ok", values)


def dots(method, curve, *, spread=0.0, work=float, seeds=SEEDS, **more):
    """Records of a method: `curve` maps depth to accuracy, `spread` is noise shared by dots."""
    shared = {
        (s, c): spread * (random.Random(9 * s + c).random() - 0.5) for s in seeds for c in CASES
    }
    return [
        record(method, d, s, c, work=work(d), accuracy=a + shared[s, c], **more)
        for d, a in curve.items()
        for s in seeds
        for c in CASES
    ]


def lifted(by):
    return {depth: accuracy + by for depth, accuracy in STATIC.items()}


BLIND = dots("uniform", STATIC, spread=0.1)
ORACLE = dots("best", lifted(0.2), spread=0.1)


def shares(records, task=TASK):
    rows = headroom(collapse(records), {"toy": task}, CARDS)
    return {row.method: row for row in rows}


def test_the_oracle_itself_captures_exactly_everything():
    row = shares(BLIND + ORACLE + dots("router", lifted(0.2), spread=0.1))["router"]
    assert (row.h, row.low, row.high) == (1.0, 1.0, 1.0)
    assert (row.oracle, row.oracle_method, row.n, row.reason) == ("exact", "best", 24, "")
    assert (row.cost, row.quality) == ("work", "accuracy")


def test_a_static_setting_captures_exactly_nothing():
    assert shares(BLIND + ORACLE + dots("router", STATIC, spread=0.1))["router"].h == 0.0


def test_a_blind_mixture_captures_nothing():
    mixture = {1.5: 0.5, 2: 0.6, 3: 0.65, 4: 0.7}  # on the lines between static settings
    row = shares(BLIND + ORACLE + dots("router", mixture, spread=0.1))["router"]
    assert row.h == pytest.approx(0, abs=1e-12)


def test_random_allocation_captures_nothing_or_less():
    # Each case gets depth 1 or 4 by a coin: on the mean that is under the concave blind curve.
    coin = random.Random(4)
    records = []
    for rate in (0.25, 0.5, 0.75):
        for s in SEEDS:
            for c in CASES:
                depth = 4 if coin.random() < rate else 1
                values = {"work": float(depth), "accuracy": STATIC[depth]}
                records.append(record("random", rate, s, c, **values))
    row = shares(dots("uniform", STATIC) + dots("best", lifted(0.2)) + records)["random"]
    assert row.h < 0
    assert row.low < row.h < row.high <= 0.05


def test_half_the_gain_is_one_half_and_the_area_is_exact():
    half = dots("router", lifted(0.1), spread=0.1)
    assert shares(BLIND + ORACLE + half)["router"].h == pytest.approx(0.5)
    peaked = {1: 0.4, 2: 0.8, 4: 0.7}
    # A peaked method: its hull over 1..4 is 0.4 -> 0.8 at 2, then level.
    row = shares(BLIND + ORACLE + dots("router", peaked, spread=0.1))["router"]
    area = 0.2 * 1 / 2 + (0.2 + 0.1) / 2 * 2
    assert row.h == pytest.approx(area / (0.2 * 3))


def test_lower_is_better_turns_the_plane_round():
    task = Card("Toy", role="static", knobs=TASK.knobs, metrics=(WORK, LOSS))
    turned = [
        one
        for method, by in (("uniform", 0), ("best", 0.2), ("router", 0.05))
        for one in dots(method, {d: 1 - a for d, a in lifted(by).items()})
    ]
    assert shares(turned, task)["router"].h == pytest.approx(0.25)


def test_a_dot_serves_every_larger_budget_and_is_held_to_the_blind_curve_there():
    # 0.05 above blind mixing at its own cost of 3, level with it at 4; below 3 it cannot run.
    row = shares(BLIND + ORACLE + dots("router", {3: 0.7}, spread=0.1))["router"]
    assert row.h == pytest.approx((0.05 + 0.0) / 2 * 1 / (0.2 * 3))


def test_where_static_settings_are_good_already_a_small_loss_is_a_small_loss():
    # Statics reach 0.999 at the method's own cost: dividing by that 0.001 would give -10.
    static = {1: 0.4, 2: 0.7, 4: 0.999}
    top = {depth: min(1.0, quality + 0.2) for depth, quality in static.items()}
    records = dots("uniform", static) + dots("best", top) + dots("router", {3.9: 0.98})
    row = shares(records)["router"]
    assert -0.05 < row.h < 0


def test_saving_more_of_the_same_quality_captures_more():
    # Both reach the best static quality; a range that ended at the dot would not see by how much.
    late, early = (
        shares(BLIND + ORACLE + dots("router", {cost: 0.7}, spread=0.1))["router"].h
        for cost in (3, 2)
    )
    assert 0 < late < early


def test_a_cheaper_oracle_still_stands_above_a_dearer_method():
    free = dots("best", {0.5: 0.9})
    row = shares(dots("uniform", STATIC) + free + dots("router", {4: 0.8}))["router"]
    assert row.h == pytest.approx((0.8 - 0.7) / (0.9 - 0.7))


def test_the_interval_reflects_what_cases_disagree_on():
    noisy = [
        record("router", 2, s, c, work=2.0, accuracy=0.7 + 0.2 * (random.Random(s).random() - 0.5))
        for s in SEEDS
        for c in CASES
    ]
    row = shares(BLIND + ORACLE + noisy)["router"]
    assert row.low < row.h < row.high
    assert row.high - row.low > 0.1


def test_no_headroom_and_false_oracles_are_called_so():
    row = shares(BLIND + dots("best", STATIC, spread=0.1) + dots("router", STATIC))["router"]
    assert row.h is None
    assert "no headroom" in row.reason
    worse = {1: 0.3, 2: 0.9, 4: 1.0}
    row = shares(BLIND + dots("best", worse, spread=0.1) + dots("router", lifted(0.1)))["router"]
    assert "lies below blind mixing by up to 0.1" in row.reason


def test_exact_oracles_are_preferred_to_bounds():
    router = dots("router", lifted(0.1), spread=0.1)
    loose = dots("loose", lifted(0.4), spread=0.1)
    assert shares(BLIND + ORACLE + loose + router)["router"].oracle_method == "best"
    row = shares(BLIND + loose + router)["router"]
    assert (row.oracle, row.h) == ("bound", pytest.approx(0.25))


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (ORACLE, "no static method was run"),
        (BLIND, "no oracle was run"),
        (BLIND + dots("best", STATIC, seeds=[99]), "no case was solved by all"),
    ],
)
def test_what_is_missing_is_named(records, reason):
    row = shares(records + dots("router", STATIC))["router"]
    assert row.h is None
    assert reason in row.reason


def test_withheld_quality_gives_no_number():
    mute = [record("router", 2, s, 0, work=1.0) for s in SEEDS]
    row = shares(BLIND + ORACLE + mute)["router"]
    assert row.h is None
    assert "router has no record of both work and accuracy" in row.reason


def test_conditions_stand_at_the_default_or_what_was_run():
    at = {
        noise: dots("uniform", STATIC, noise=noise)
        + dots("best", lifted(0.2), noise=noise)
        + dots("router", lifted(0.1 if noise else 0.05), noise=noise)
        for noise in (0, 1)
    }
    assert shares(at[0] + at[1])["router"].h == pytest.approx(0.25)
    assert shares(at[1])["router"].h == pytest.approx(0.5)


def test_the_budget_spans_the_plane():
    task = Card(
        "Toy", role="static", knobs=(Knob("noise", (1, 2, 4), 1),), metrics=(WORK, GAIN), budget="noise"
    )  # fmt: skip
    records = [
        record(method, 2, s, c, noise=slots, work=float(slots), accuracy=STATIC[slots] + by)
        for method, by in (("uniform", 0), ("best", 0.2), ("router", 0.15))
        for slots in STATIC
        for s in SEEDS
        for c in CASES
    ]
    assert shares(records, task)["router"].h == pytest.approx(0.75)


def timed(method, curve, latency, work=float):
    return [
        record(method, d, s, c, work=work(d), accuracy=a, latency_s=latency(d) * (1 + 0.01 * s))
        for d, a in curve.items()
        for s in SEEDS
        for c in CASES
    ]


def converted(router, *others):
    blind = timed("uniform", STATIC, lambda depth: 3.0 * depth)
    rows = conversion(collapse([*blind, *router, *others]), {"toy": TASK}, CARDS)
    return {(row.method, row.metric): row for row in rows}


@pytest.mark.parametrize(
    ("latency", "k"), [(6.0, 1.0), (9.0, 0.0), (3 * 3 * 2 / 3 / math.sqrt(2 / 3), 0.5), (13.5, -1)]
)
def test_conversion_of_saved_work_into_time(latency, k):
    # Accuracy 0.65 costs a blind mixture 3 blocks and 9 s; the router does it in 2 blocks.
    row = converted(timed("router", {2: 0.65}, lambda depth: latency))["router", "latency_s"]
    assert row.work_ratio == pytest.approx(2 / 3)
    assert row.k == pytest.approx(k, abs=1e-9)
    assert row.low <= row.k <= row.high
    assert (row.against, row.n) == ("uniform(depth=2) + uniform(depth=4)", 24)


def test_no_conversion_where_the_method_it_skips_from_was_not_run():
    router = timed("router", {2: 0.65}, lambda depth: 1.0)
    cards = {**CARDS, "toy/router": replace(CARDS["toy/router"], skips_from="absent")}
    blind = timed("uniform", STATIC, lambda depth: 3.0 * depth)
    rows = conversion(collapse([*blind, *router]), {"toy": TASK}, cards)
    (row,) = [row for row in rows if row.method == "router" and row.metric == "latency_s"]
    assert row.k is None
    assert "absent has no record" in row.reason


def test_no_conversion_of_hardly_any_saving():
    row = converted(timed("router", {2: 0.65}, lambda d: 1.0, work=lambda d: 2.9))
    found = row["router", "latency_s"]
    assert found.k is None
    assert found.work_ratio == pytest.approx(2.9 / 3)
    assert "0.967" in found.reason


def test_no_conversion_at_a_quality_statics_do_not_reach():
    found = converted(timed("router", {2: 0.9}, lambda d: 1.0))["router", "latency_s"]
    assert (found.k, found.work_ratio) == (None, None)
    assert "0.9: they reach 0.4 to 0.7" in found.reason


def test_conversion_looks_at_the_default_point_of_adaptive_methods_only():
    router = timed("router", {2: 0.65, 4: 0.69}, lambda depth: 6.0)
    rows = converted(router, *timed("random", {2: 0.5}, lambda d: 1.0))
    assert list(rows) == [("router", "latency_s")]
    assert rows["router", "latency_s"].work_ratio == pytest.approx(2 / 3)
    off = converted(timed("router", {4: 0.65}, lambda depth: 6.0))["router", "latency_s"]
    assert off.k is None
    assert "default point" in off.reason


def test_energy_converts_only_where_it_was_measured():
    def with_energy(records, joules):
        return [
            Record(r.cell, r.phase, r.case, 0, "ok", {**r.values, joules: r.values["latency_s"]})
            for r in records
        ]

    blind = timed("uniform", STATIC, lambda depth: 3.0 * depth)
    router = timed("router", {2: 0.65}, lambda depth: 6.0)
    for joules, expected in (
        ("energy_j", ["latency_s", "energy_j"]),
        ("energy_est_j", ["latency_s"]),
    ):
        leaves = collapse(with_energy([*blind, *router], joules))
        assert [row.metric for row in conversion(leaves, {"toy": TASK}, CARDS)] == expected


def test_a_task_whose_latency_is_not_its_work_gives_its_reason_and_no_number():
    task = Card("Toy", role="static", knobs=TASK.knobs, metrics=TASK.metrics, no_conversion="why")
    router = timed("router", {2: 0.7}, lambda depth: 3.0 * depth)
    blind = timed("uniform", STATIC, lambda depth: 3.0 * depth)
    (row,) = conversion(collapse([*blind, *router]), {"toy": task}, CARDS)
    assert (row.k, row.reason) == (None, "why")
