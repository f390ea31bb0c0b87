import json
import random
import time
from dataclasses import asdict, replace

import pytest

from adabench.harness.analysis.analyse import analyse
from adabench.harness.analysis.operating_points import collapse
from adabench.harness.analysis.summary import summarise
from adabench.harness.contract.card import Card, Claim, Knob, Level, Metric, OutOfReach
from adabench.harness.contract.record import Cell, Record

TASK = Card(
    "Toy",
    role="static",
    knobs=(Knob("noise", (0, 0.5), 0),),
    metrics=(
        Metric("work", "steps", "lower", "work", primary=True),
        Metric("accuracy", "1", "higher", "quality", primary=True),
    ),
)
CARD = Card("Method", knobs=(Knob("width", (2, 10), 2),))


def record(method="m", seed=0, case=0, repeat=0, status="ok", group="", **more):
    point, conditions = more.pop("point", {"width": 2}), more.pop("conditions", {"noise": 0})
    cell = Cell("toy", method, point, conditions, more.pop("scale", "embedded"), seed)
    phase = more.pop("phase", "solve")
    return Record(cell, phase, case, repeat, status, more.pop("values", more), group=group)


def only_row(records):
    (row,) = summarise(collapse(records), {"toy": TASK}, {"toy/m": CARD})
    return row


def test_repeats_collapse_to_the_median_of_timings_and_the_mean_of_scores():
    times, scores = [1.0, 2.0, 30.0], [0.0, 0.0, 1.0]
    row = only_row(
        [
            record(repeat=i, latency_s=t, accuracy=a)
            for i, (t, a) in enumerate(zip(times, scores, strict=True))
        ]
    )
    assert row.metrics["latency_s"].estimate == 2.0
    assert row.metrics["accuracy"].estimate == pytest.approx(1 / 3)
    assert row.metrics["latency_s"].n == 1
    assert row.metrics["latency_s"].low is None


def test_only_solved_and_ok_records_count():
    bad = [record(case=1, status=s, work=99) for s in ("error", "timeout", "skipped")]
    prepared = record(case=-1, phase="prepare", work=99)
    row = only_row([record(work=3), *bad, prepared])
    assert row.metrics["work"].estimate == 3
    assert row.metrics["work"].n == 1


def test_units_come_from_the_card_or_the_name_and_the_identity_is_left_out():
    names = ("work", "latency_s", "energy_j", "peak_bytes", "oddity", "instance")
    metrics = only_row([record(values=dict.fromkeys(names, 1))]).metrics
    units = {name: estimate.unit for name, estimate in metrics.items()}
    assert units == {
        "work": "steps", "latency_s": "s", "energy_j": "J", "peak_bytes": "B", "oddity": "",
    }  # fmt: skip


def test_a_claim_says_where_it_was_tested_if_it_was():
    level = Claim("t-1", "It is right.", "own", "ours", None, Level("accuracy", low=0.5))
    beyond = replace(level, id="t-2", expect=OutOfReach("needs a cluster"))
    cards = {"toy/m": replace(CARD, claims=(level, beyond))}
    records = [
        record(seed=s, case=0, accuracy=0.9 + s / 100, conditions={"noise": 0.5}) for s in (0, 1)
    ]
    tested, untested = analyse("r", {}, {"toy": TASK}, cards, records).claims
    assert "tested at noise=0.5 (card: 0)" in tested.reason
    assert untested.reason == "needs a cluster"


def test_a_metric_that_some_cases_lack_is_averaged_over_the_others():
    row = only_row([record(case=0, work=1, extra=4), record(case=1, work=3)])
    assert (row.metrics["work"].estimate, row.metrics["work"].n) == (2, 2)
    assert (row.metrics["extra"].estimate, row.metrics["extra"].n) == (4, 1)


def test_rows_stand_in_numeric_order_of_conditions_then_point():
    rows = summarise(
        collapse(
            record(point={"width": width}, conditions={"noise": noise}, work=1)
            for width in (10, 2)
            for noise in (0.5, 0)
        ),
        {"toy": TASK},
        {"toy/m": CARD},
    )
    seen = [(row.conditions["noise"], row.point["width"]) for row in rows]
    assert seen == [(0, 2), (0, 10), (0.5, 2), (0.5, 10)]


def test_scales_are_told_apart():
    records = [record(work=1), record(scale="gpu", work=5)]
    rows = summarise(collapse(records), {"toy": TASK}, {"toy/m": CARD})
    assert [row.conditions["scale"] for row in rows] == ["embedded", "gpu"]


def many_records():
    generator = random.Random(1)
    names = [f"metric{i}" for i in range(16)]
    return [
        record(
            method=f"m{method}",
            seed=seed,
            case=case,
            group=f"family {case}",
            conditions={"noise": noise / 10},
            values={"latency_s": generator.random(), "work": 5.0, "accuracy": generator.random()}
            | {name: generator.random() for name in names},
        )
        for method in range(12)
        for noise in range(12)
        for seed in range(5)
        for case in range(3)
    ]


def test_findings_are_the_same_bytes_in_any_order():
    records = many_records()
    cards = {f"toy/m{i}": CARD for i in range(12)}
    one = analyse("r", {}, {"toy": TASK}, cards, records)
    random.Random(2).shuffle(records)
    other = analyse("r", {}, {"toy": TASK}, cards, records)
    assert json.dumps(one.to_json()) == json.dumps(other.to_json())
    assert len(one.summary) == 144


@pytest.mark.slow
def test_findings_are_quick():
    records = many_records()
    cards = {f"toy/m{i}": CARD for i in range(12)}
    start = time.process_time()
    analyse("r", {}, {"toy": TASK}, cards, records)
    assert time.process_time() - start < 6  # generous: about 1 s on an idle core


def test_rows_are_plain_json_numbers():
    rows = summarise(
        collapse([record(seed=s, work=s) for s in range(4)]), {"toy": TASK}, {"toy/m": CARD}
    )
    estimate = asdict(rows[0])["metrics"]["work"]
    assert {type(estimate[key]) for key in ("estimate", "low", "high")} == {float}


def test_a_pinned_condition_stands_as_the_default():
    run = [record(seed=seed, conditions={"noise": 0.5}, work=2.0, accuracy=1.0) for seed in (0, 1)]
    findings = analyse("r", {}, {"toy": TASK}, {"toy/m": CARD}, run)
    assert findings.task_cards["toy"].defaults == {"noise": 0.5}
    swept = [*run, record(seed=0, conditions={"noise": 0}, work=2.0, accuracy=1.0)]
    findings = analyse("r", {}, {"toy": TASK}, {"toy/m": CARD}, swept)
    assert findings.task_cards["toy"].defaults == {"noise": 0}


def test_how_a_case_was_timed_is_no_result():
    timing = {"loops": 9.0, "samples": 5.0, "samples_dropped": 1.0, "cpu_pressure": 0.5}
    leaves = collapse([record(values={"work": 3.0, "latency_mean_s": 1e-3, **timing})])
    [row] = summarise(leaves, {"toy": TASK}, {"toy/m": CARD})
    assert set(row.metrics) == {"work", "latency_mean_s"}


def many(values: list[float], **names):
    return [
        record(seed=case % 2, case=case, **dict.fromkeys(names, value))
        for case, value in enumerate(values)
    ]  # fmt: skip


def test_a_count_whose_values_are_all_1_is_no_share_and_an_accuracy_is_one():
    row = only_row(many([1.0] * 12, work=None, accuracy=None))
    assert row.metrics["accuracy"].low == pytest.approx(
        14 / 16 - 1.96 * (7 / 64 / 16) ** 0.5, abs=1e-3
    )
    assert row.metrics["accuracy"].high == 1.0
    assert (row.metrics["work"].estimate, row.metrics["work"].low) == (1.0, None)
    varied = only_row(many([1.0, 0.0] * 6, work=None)).metrics["work"]
    assert varied.low is not None
    assert varied.high is not None


@pytest.mark.parametrize("value", [0.0, 1.0, 7.0])
def test_a_counter_that_never_varies_carries_no_interval(value: float):
    found = only_row(many([value] * 10, work=None, steps=None)).metrics
    assert all(found[name].low is None and found[name].high is None for name in found)
    assert found["work"].estimate == found["steps"].estimate == value


def test_names_of_uncounted_operators_are_no_metrics():
    row = only_row([record(work=3, values={"flops": 8.0, "aten._fft_r2c.uncounted_calls": 2.0})])
    assert list(row.metrics) == ["flops"]


RATIO = Metric("cost", "steps", "lower", "cost", per=("work", "accuracy"))


def priced(pairs):
    """Return the table's cost a right answer of cases with (work, accuracy), in two seeds."""
    records = [
        record(seed=i % 2, case=i // 2, work=work, accuracy=right)
        for i, (work, right) in enumerate(pairs)
    ]
    (row,) = summarise(
        collapse(records), {"toy": replace(TASK, metrics=(*TASK.metrics, RATIO))}, {"toy/m": CARD}
    )
    return row.metrics.get("cost")


def test_what_a_right_answer_costs_is_a_ratio_of_means_and_no_mean_of_ratios():
    found = priced([(10, 1), (30, 0), (20, 1), (40, 1), (10, 0), (10, 0)])
    assert found.estimate == pytest.approx(120 / 3)
    assert found.low is None or found.low <= found.estimate <= found.high
    assert (found.n, found.unit) == (6, "steps")


def test_where_nothing_is_right_there_is_no_cost_of_it():
    assert priced([(10, 0), (30, 0)]) is None
