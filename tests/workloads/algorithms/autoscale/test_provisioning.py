"""How capacity is counted: the dial, what is late, what is refused, and what it is worth."""

import numpy as np
import pytest
from scipy.stats import norm

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.autoscale.methods.adaptive_conformal import ConformalDecision
from adabench.workloads.algorithms.autoscale.substrate.lag_regression import fit
from adabench.workloads.algorithms.autoscale.substrate.provisioning import (
    BULK,
    DIAL,
    QUANTILES,
    TARGETS,
    crps,
    dial_of,
    look_back,
    quantile_at,
)
from adabench.workloads.algorithms.autoscale.substrate.traces import (
    DAY,
    Terms,
    generate,
    make_demand,
)
from adabench.workloads.algorithms.autoscale.task import CARD, load
from adabench.workloads.algorithms.autoscale.truth.scoring import idle, idle_at, scored_task


def small(**terms):
    readings = np.random.default_rng(0).uniform(1, 2, (3 * DAY, 2))
    return scored_task([make_demand("own", readings, (1, 2), 2 * DAY, Terms(**terms))])


def fixed(level: float):
    return lambda past: np.full((len(past.slots), len(QUANTILES)), level)


def test_crps_is_that_of_the_closed_form() -> None:
    # Of a standard normal forecast: y (2 Phi(y) - 1) + 2 phi(y) - 1 / sqrt(pi).
    loads = np.array([-1.5, -0.3, 0.0, 0.7, 2.0])
    wanted = loads * (2 * norm.cdf(loads) - 1) + 2 * norm.pdf(loads) - 1 / np.sqrt(np.pi)
    rows = np.tile(norm.ppf(BULK), (len(loads), 1))
    for row, load_, closed in zip(rows, loads, wanted, strict=True):
        assert crps(row[None], np.array([load_])) == pytest.approx(closed, abs=0.01)
    point = np.full((5, len(BULK)), 0.3)
    assert crps(point, loads) == pytest.approx(np.abs(loads - 0.3).mean())


def test_windows_end_as_many_slots_before_as_capacity_is_late() -> None:
    readings = np.arange(40.0)[:, None]
    for delay in (1, 3):
        past = look_back(readings, np.arange(20, 25), delay, 8)
        assert past.load[:, -1].tolist() == [slot - delay for slot in range(20, 25)]
        assert past.windows.shape == (5, 8, 1)
        assert not past.windows.flags.writeable


def test_quantiles_of_the_tail_are_met_at_its_targets_and_between_them() -> None:
    tail = norm.ppf(1 - TARGETS)
    assert quantile_at(tail, TARGETS) == pytest.approx(tail)
    between = quantile_at(tail, np.array([0.03, 1e-9, 0.5]))
    assert tail[1] < between[0] < tail[2]
    assert between[1:].tolist() == [tail[-1], tail[0]]


def test_idle_capacity_at_a_rate_is_read_off_the_dial_and_scaled_beyond_it() -> None:
    loads = np.arange(1.0, 1001.0)
    capacity = np.tile([1000.0, 985.0, 900.0], (1000, 1))  # exceeded in 0, 1.5 and 10 %
    between = idle_at(capacity, loads, 0.01)
    assert idle(capacity[:, 1], loads) < between < idle(capacity[:, 0], loads)
    for level in (2000.0, 10.0):  # a line above all, and one below: one factor gives the rate
        assert idle_at(np.full((1000, 3), level), loads, 0.01) == pytest.approx(
            idle(np.full(1000, 990.01), loads), rel=1e-3
        )


def test_the_oracle_leaves_nothing_idle_and_peaks_are_never_exceeded_by_what_is_known(
    values,
) -> None:
    task = load("embedded", 0, days=1, trace="bursts+jobs")
    for seen in values("clairvoyant", task).values():
        assert seen["violations"] == seen["overprovision"] == seen["crps"] == 0
    declared = {metric.name for metric in CARD.metrics}
    for name in ("peak", "reactive", "time_of_day", "linear_quantile", "adaptive_conformal"):
        for group, seen in values(name, task).items():
            assert {*seen} <= declared, group
            assert all(np.isfinite(value) for value in seen.values()), (name, group)
            assert seen["within_sla"] == pytest.approx(1 - seen["violations"])
            assert seen["overprovision"] > 0


def test_a_target_of_ones_own_stands_in_the_dial() -> None:
    (case,) = small(eps=0.03).cases()
    assert dial_of(case).tolist() == sorted((*DIAL, 0.03))


def test_capacity_comes_in_whole_instances() -> None:
    task = small(instances=4)
    (case,) = task.cases()
    answer = task.provision(case, fixed(1.2))
    peak = case.past[:, -1].max()
    assert answer.capacity == pytest.approx(np.full_like(answer.capacity, 0.75 * peak))


def test_what_is_no_forecast_is_refused() -> None:
    for bad, words in (
        (lambda past: np.ones((len(past.slots), 3)), "shape"),
        (fixed(np.nan), "no number"),
        (lambda past: np.tile(-QUANTILES, (len(past.slots), 1)), "fall where their level rises"),
    ):
        task = small()
        with pytest.raises(MethodContractError, match=words) as caught:
            task.provision(task.cases()[0], bad)
        assert caught.value.hint


def test_conformal_targets_fall_after_a_violation_and_keep_the_rate() -> None:
    dial = np.array([0.01, 0.1])
    decision = ConformalDecision(dial, 0.01)
    decision.learn(np.array([True, False]))
    assert decision.targets[0] < 0.01
    assert decision.targets[1] > 0.1
    rng, tail = np.random.default_rng(0), norm.ppf(1 - TARGETS)
    exceeded = np.zeros((4000, 2), np.bool_)
    for t in range(4000):  # the noise doubles, and no forecast says so
        exceeded[t] = rng.standard_normal() * (2 if t > 2000 else 1) > decision.choose(tail)
        decision.learn(exceeded[t])
    assert exceeded[:, 1].mean() == pytest.approx(0.1, abs=0.02)


def test_six_lags_fit_what_is_linear_and_their_margin_is_a_quantile_of_residuals() -> None:
    readings = generate("calm", 1, 5)
    (case,) = scored_task(
        [make_demand("calm", readings, (1, 2, 2, 3, 3), 28 * DAY, Terms())]
    ).cases()
    slots = np.arange(2 * DAY, 28 * DAY)
    for reads in ("load", "all", "last"):
        rows = fit(case, reads)(look_back(case.past, slots, 1, DAY))
        for level, column in zip(QUANTILES, rows.T, strict=True):
            assert (case.past[slots, -1] <= column).mean() == pytest.approx(level, abs=0.01)
    plain, wide = (fit(case, gaussian=gaussian).margins for gaussian in (False, True))
    assert plain == pytest.approx(wide, abs=0.03)
