"""The claims of the cards on instances small enough for every day, and the task's own promises."""

import math

import numpy as np
import pytest

from adabench.harness.errors import MethodContractError, SelectionError
from adabench.workloads.algorithms.stragglers.task import CARD, load

EXACT = ("uncoded", "gradient_code", "sequential_gc", "multiplexed_gc", "backup_tasks", "hindsight")


def small(seed: int = 0, **conditions):
    return load("embedded", seed, **{"n": 32, "jobs": 12, "probe": 40, "draws": 1, **conditions})


def log_ratio(values, name: str, against: str, family: str, seeds: range, **more) -> np.ndarray:
    """Logs of paired time ratios."""
    knobs = more.pop("knobs", {})
    logs = []
    for seed in seeds:
        task = load("embedded", seed, delays=family, draws=1, **more)
        ours = values(name, task, **knobs)[family]["time"]
        logs.append(math.log(ours / values(against, task)[family]["time"]))
    return np.array(logs)


def low(logs: np.ndarray) -> float:
    return float(np.exp(logs.mean() - 2.6 * logs.std(ddof=1) / len(logs) ** 0.5))


def test_the_sign_flips_in_long_bursts(values) -> None:
    assert low(log_ratio(values, "multiplexed_gc", "gradient_code", "long", range(16))) > 1.2


def test_the_sign_flips_for_few_jobs(values) -> None:
    three = log_ratio(values, "multiplexed_gc", "gradient_code", "short", range(4), jobs=3)
    assert low(three) > 1
    ten = log_ratio(
        values, "multiplexed_gc", "gradient_code", "short", range(4), jobs=10,
        knobs={"params": "3,4,27"},
    )  # fmt: skip
    assert low(ten) > 1


def test_instances_of_a_seed_share_nothing() -> None:
    cases = small(delays="short", draws=3).cases()
    for values in ("probe", "instance", "coins"):
        assert len({np.asarray(getattr(case, values)).tobytes() for case in cases}) == 3
    assert cases[0].instance == small(delays="short").cases()[0].instance


def test_the_suite_has_most_of_the_friendly_family() -> None:
    groups = [case.group for case in small(draws=4).cases()]
    assert groups == ["short"] * 4 + ["long"] * 2 + ["independent"] * 2 + ["none"]


def test_real_runs_are_not_repeated_and_differ_each_time() -> None:
    real = small(delays="short", level="real", draws=3)
    assert len(real.cases()) == 1
    assert real.laps_differ
    assert not small(delays="short").laps_differ


def test_dropping_the_extra_rounds_would_pay(values) -> None:
    seen = values("multiplexed_gc", load("embedded", 0, delays="short", draws=1), params="3,4,27")[
        "short"
    ]
    assert seen["extra_rounds"] == seen["delay"] == 5
    assert seen["rounds"] == 65


def test_repetition_is_free_at_alpha_zero_and_only_there(values) -> None:
    free = log_ratio(values, "multiplexed_gc", "gradient_code", "short", range(3), alpha=0.0)
    dear = log_ratio(values, "multiplexed_gc", "gradient_code", "short", range(3), alpha=24.0)
    assert free.mean() > 0 > dear.mean()


def test_without_stragglers_nothing_beats_uncoded(values) -> None:
    for seed in range(2):
        task = load("embedded", seed, delays="none", n=64, draws=1)
        plain = values("uncoded", task)["none"]["time"]
        for name in EXACT[1:-1]:
            assert values(name, task)["none"]["time"] >= plain


def test_the_order_of_time_in_short_bursts(values) -> None:
    for seed in range(2):
        task = load("embedded", seed, delays="short", draws=1)
        time = {name: values(name, task)["short"]["time"] for name in (*EXACT, "random_backup")}
        assert time["hindsight"] < time["gradient_code"] < time["backup_tasks"]
        assert time["backup_tasks"] < time["random_backup"] <= time["uncoded"]


def test_the_chosen_s_is_better_than_none_and_than_many(values) -> None:
    tasks = [small(seed, n=128, jobs=40, probe=120, delays="short") for seed in range(3)]

    def mean_log(s: int) -> float:
        times = [values("gradient_code", task, s=s)["short"]["time"] for task in tasks]
        return float(np.mean(np.log(times)))

    assert mean_log(-1) < min(mean_log(0), mean_log(31))


def test_the_strict_rule_never_takes_less_time(values) -> None:
    for seed in range(3):
        for family, seen in values("gradient_code", small(seed), s=3).items():
            strict = values("gradient_code", small(seed), s=3, strict=True)[family]
            assert strict["time"] >= seen["time"]
            assert strict["wait_outs"] >= seen["wait_outs"]


def test_only_what_drops_results_is_inexact(values) -> None:
    for name in EXACT:
        assert {seen["delivered"] for seen in values(name, small()).values()} == {1.0}
    seen = values("ignore_stragglers", load("embedded", 0, draws=1))
    assert seen["none"]["delivered"] == 1
    for family in ("short", "long", "independent"):
        assert 0.9 < seen[family]["delivered"] < 1
        assert seen[family]["optimality"] < seen[family]["least_time"] / seen[family]["time"]


def test_the_control_makes_as_many_copies(values) -> None:
    task = load("embedded", 0, draws=1)
    ours, control = values("backup_tasks", task), values("random_backup", task)
    for family in ours:
        assert ours[family]["copies"] == control[family]["copies"]
        assert ours[family]["work"] == pytest.approx(control[family]["work"])


def test_values_are_declared_finite_and_consistent(methods, values) -> None:
    declared = {metric.name for metric in CARD.metrics}
    for name in methods:
        for seen in values(name, small()).values():
            assert set(seen) <= declared
            assert all(math.isfinite(value) for value in seen.values())
            assert 0 < seen["optimality"] <= 1
            assert seen["wait_outs"] + seen["stopped"] <= seen["rounds"]
            assert seen["rounds"] <= seen["jobs"] + seen["delay"]


def test_running_the_same_again_is_no_second_try(methods) -> None:
    # The harness times a method several times without clearing the meter.
    task = small(delays="short")
    (case,) = task.cases()
    for _ in range(2):
        answer = methods["sequential_gc"].solve(task, case, methods["sequential_gc"].CARD.defaults)
    assert task.score(case, answer)["delivered"] == 1


def test_a_time_below_the_bound_is_refused(methods, monkeypatch) -> None:
    task = small(delays="short")
    (case,) = task.cases()
    monkeypatch.setattr(
        "adabench.workloads.algorithms.stragglers.substrate.replay.least_time", lambda _: 1e9
    )
    answer = methods["uncoded"].solve(task, case, {})
    with pytest.raises(MethodContractError, match="less than the bound"):
        task.score(case, answer)


@pytest.mark.parametrize(
    ("name", "knobs", "message"),
    [
        ("gradient_code", {"s": 32}, "not below the 32 workers"),
        ("multiplexed_gc", {"params": "fast"}, "neither 'probe' nor three numbers"),
        ("multiplexed_gc", {"params": "1,2"}, "neither 'probe' nor three numbers"),
        ("multiplexed_gc", {"params": "2,2,3"}, "no bursty model"),
        ("multiplexed_gc", {"params": "1,2,33"}, "no bursty model"),
        ("multiplexed_gc", {"params": "1,2,-3"}, "neither 'probe' nor three numbers"),
        ("sequential_gc", {"params": "2,4,3"}, "does not fit SR-SGC"),
        ("sequential_gc", {"params": "0,4,3"}, "no bursty model"),
    ],
)
def test_parameters_that_are_none_are_refused(name, knobs, message, methods) -> None:
    task, method = small(), methods[name]
    with pytest.raises(SelectionError, match=message) as refused:
        method.solve(task, task.cases()[0], {**method.CARD.defaults, **knobs})
    assert refused.value.hint


def test_conditions_that_are_none_are_refused() -> None:
    with pytest.raises(SelectionError, match="no level"):
        load("embedded", 0, level="imagined")


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_workers_run_too(n: int, methods, values) -> None:
    for name in methods:
        for seen in values(name, small(n=n)).values():
            assert seen["delivered"] > 0
