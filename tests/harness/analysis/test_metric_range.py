"""Intervals stay within the range of what they measure."""

import math

import numpy as np
import pytest

from adabench.harness.analysis.metric_range import (
    ANYWHERE,
    POSITIVE,
    SHARE,
    Range,
    clip,
    from_open_scale,
    is_share,
    on_open_scale,
    range_of,
)
from adabench.harness.analysis.operating_points import collapse
from adabench.harness.analysis.summary import summarise
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.record import Cell, Record
from adabench.harness.stats.intervals import Interval, means


def metric(role, unit="", **ends):
    return Metric("x", unit, "higher", role, **ends)


@pytest.mark.parametrize(
    ("name", "declared", "ends"),
    [
        ("x", metric("quality"), SHARE),
        ("x", metric("info", "share"), SHARE),
        ("x", metric("quality", "points"), ANYWHERE),
        ("x", metric("cost", "tokens"), POSITIVE),
        ("x", metric("work"), POSITIVE),
        ("saved_s", metric("info", "s"), ANYWHERE),
        ("latency_s", None, POSITIVE),
        ("x", None, ANYWHERE),
        ("x", metric("info", low=-1.0, high=1.0), Range(-1.0, 1.0)),
        ("x", metric("quality", high=1.0), Range(high=1.0)),
    ],
)
def test_a_metric_or_its_kind_says_where_it_lies(name, declared, ends):
    assert range_of(name, declared) == ends


def test_a_range_of_its_own_makes_it_no_share():
    assert is_share(metric("quality"))
    assert not is_share(metric("quality", high=1.0))


@pytest.mark.parametrize("ends", [SHARE, POSITIVE, ANYWHERE, Range(-1.0, 1.0)])
@pytest.mark.parametrize("value", [0.03, 0.5, 0.97])
def test_what_is_stretched_comes_back(ends, value):
    statistic = on_open_scale(means(np.full((4, 1), value)), [ends])
    [[there]] = statistic(np.ones((1, 4)))
    back = from_open_scale(Interval(there, there - 50, there + 50), ends)
    assert back.estimate == pytest.approx(value)
    assert ends.low <= back.low <= back.high <= ends.high


def test_only_what_is_beyond_is_cut_and_nothing_of_a_range_that_is_wrong():
    assert clip(Interval(0.5, -0.2, 1.3), SHARE) == (0.5, 0.0, 1.0)
    assert clip(Interval(0.5, 0.2, 0.8), SHARE) == (0.5, 0.2, 0.8)
    assert clip(Interval(1.5, 0.2, 3.0), SHARE) == (1.5, 0.2, 3.0)
    assert clip(Interval(0.5, None, None), SHARE) == (0.5, None, None)
    assert SHARE.differences == (-1.0, 1.0)


@pytest.mark.parametrize("seeds", [1, 3, 6])
def test_no_table_shows_a_share_above_one_or_a_cost_below_zero(seeds):
    draw = np.random.default_rng(2)
    task = Card("Toy", metrics=(metric("quality", "1"), Metric("cost", "tokens", "lower", "cost")))
    records = [
        Record(Cell("toy", "m", {}, {}, "embedded", seed), "solve", case, 0, "ok",
               {"x": 1 - draw.random() ** 6, "cost": math.exp(3 * draw.normal()) * (case % 3 > 0)})
        for seed in range(seeds) for case in range(6)
    ]  # fmt: skip
    [row] = summarise(collapse(records), {"toy": task}, {"toy/m": Card("M")})
    share, cost = row.metrics["x"], row.metrics["cost"]
    assert 0 <= share.low < share.estimate < share.high <= 1
    assert 0 <= cost.low < cost.estimate < cost.high
