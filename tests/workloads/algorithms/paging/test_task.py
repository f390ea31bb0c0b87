"""The claims of the cards on instances small enough for every day, and the task's own promises."""

import math

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Bound, Claim
from adabench.workloads.algorithms.paging.substrate.traces import KINDS
from adabench.workloads.algorithms.paging.task import CARD, load

FAMILIES = ("zipf", "scan", "cyclic", "markov", "docs")


def claims_of(name: str) -> tuple[Claim, ...]:
    return registry.find(f"paging/{name}").card.claims


def small(seed: int, **conditions):
    return load("embedded", seed, **{"requests": 6000, "slots": 20, **conditions})


@pytest.mark.parametrize("name", ["flush", "mark0", "belady", "blind_oracle"])
@pytest.mark.parametrize("slots", [1, 2, 7, 50])
def test_perfect_hints_give_belady_s_faults(name, slots, run) -> None:
    for seed in range(3):
        for values in run(name, small(seed, noise=0.0, slots=slots)):
            assert values["faults"] == values["opt"]


@pytest.mark.parametrize("kind", ["symmetric", "rise", "fall", "bursty"])
@pytest.mark.parametrize("noise", [0.01, 0.1, 0.5, 1.0])
def test_no_theorem_is_violated(kind, noise, run) -> None:
    task = small(7, noise=noise, flips=kind)
    held = {
        "flush": "flush_bound",
        "mark0": "mark0_bound",
        "mark_and_predict": "phase_bound",
        "marker": "robust_bound",
    }
    for name, bound in held.items():
        for group, values in zip(FAMILIES, run(name, task), strict=True):
            slack = 0.0 if name == "flush" else 3 * values["faults_se"]
            assert values["faults"] <= values[bound] + slack, (name, group)
    for values in run("mark_and_predict", task):
        assert values["faults"] <= values["robust_bound"] + 3 * values["faults_se"]


@pytest.mark.parametrize(
    ("name", "kind", "bound"), [("flush", "fall", "flush_bound"), ("mark0", "rise", "mark0_bound")]
)
def test_bounds_are_nearly_met_on_the_circle(name, kind, bound, run) -> None:
    # A bound that holds on easy inputs alone would show nothing.
    (values,) = run(name, small(0, trace="cyclic", noise=0.1, flips=kind, requests=20000))
    assert values["faults"] > 0.8 * values[bound]


def test_perfect_phase_bits_gain_little_on_the_control(run) -> None:
    """And much where a page's return is certain: the control is one of the bits, not of paging."""

    def left(trace: str) -> float:
        told, untold = (
            run(name, small(0, trace=trace, noise=0.0, requests=20000))[0]["faults"]
            for name in ("mark_and_predict", "marker")
        )
        return told / untold

    assert KINDS["zipf"] == "control"
    assert left("zipf") > 0.85
    assert left("cyclic") < 0.5


def test_wrong_zeros_hurt_the_flush_rule_more_than_wrong_ones(run) -> None:
    def cost_per_error(kind: str) -> float:
        (values,) = run("flush", small(0, trace="zipf", noise=0.1, flips=kind))
        return (values["faults"] - values["opt"]) / (values["eta0"] + values["eta1"])

    assert cost_per_error("rise") <= 1
    assert cost_per_error("fall") > 2 * cost_per_error("rise")


def test_the_combiner_is_near_the_better_of_the_two(run) -> None:
    for noise in (0.0, 0.1, 0.5, 1.0):
        task = small(1, noise=noise)
        for follow, mark0, marker in zip(
            run("combiner", task), run("mark0", task), run("marker", task), strict=True
        ):
            assert follow["faults"] <= 1.25 * min(mark0["faults"], marker["faults"]) + 10 * 20


def test_lru_faults_always_on_the_circle(run) -> None:
    (values,) = run("lru", small(0, trace="cyclic"))
    assert values["hit_ratio"] == 0
    assert values["ratio"] > 15


# faults / OPT at 10 % noise as the method's specification gives them (mean of 5 seeds). The
# flush rule on the circle is left out: it depends on which page with bit 1 goes.
REFERENCE = {
    "lru": {"zipf": 1.67, "scan": 1.54, "cyclic": 95.3, "markov": 1.55},
    "marker": {"zipf": 1.70, "scan": 1.57, "cyclic": 5.02, "markov": 1.55},
    "mark_and_predict": {"zipf": 1.55, "scan": 1.45, "cyclic": 3.13, "markov": 1.47},
    "flush": {"zipf": 1.61, "scan": 1.53, "markov": 1.45},
    "mark0": {"zipf": 1.32, "scan": 1.31, "cyclic": 10.3, "markov": 1.21},
}


def test_the_reference_measurements_come_out_again(run) -> None:
    task = load("embedded", 0)
    for name, expected in REFERENCE.items():
        seen = dict(zip(FAMILIES, run(name, task), strict=True))
        ratios = {group: seen[group]["ratio"] for group in expected}
        assert ratios == pytest.approx(expected, rel=0.03), name


def test_no_default_case_is_so_easy_that_every_policy_hits(run) -> None:
    task = load("embedded", 0)
    ratios = [
        [values["hit_ratio"] for values in run(name, task)]
        for name in ("lru", "fifo", "random_eviction", "marker")
    ]
    assert max(map(min, zip(*ratios, strict=True))) < 0.9


def test_learned_bits_do_not_depend_on_the_given_ones(run) -> None:
    first, second = (run("learned_bits", small(2, noise=noise)) for noise in (0.0, 0.5))
    assert [v["faults"] for v in first] == [v["faults"] for v in second]


def test_values_are_declared_finite_and_consistent(methods, run) -> None:
    declared = {metric.name for metric in CARD.metrics}
    for name in methods:
        for values in run(name, small(0)):
            assert set(values) <= declared
            assert all(math.isfinite(value) for value in values.values())
            assert values["requests"] == 6000 * values["streams"]
            assert values["hit_ratio"] == pytest.approx(1 - values["faults"] / 6000)
            assert values["evictions"] <= values["faults"]
            assert (values["faults_se"] == 0) or values["streams"] > 1


@pytest.mark.parametrize(
    ("name", "bits"), [("lru", 0), ("flush", 1), ("learned_bits", 0), ("blind_oracle", 64)]
)
def test_prediction_bits_are_counted(name, bits, run) -> None:
    assert {values["prediction_bits"] for values in run(name, small(0))} == {bits}


def test_gain_is_absent_where_lru_is_optimal(run, of_pages) -> None:
    (values,) = run("fifo", of_pages([0, 1, 0, 1], 4))
    assert "gain" not in values
    (values,) = run("lru", small(0, trace="zipf"))
    assert values["gain"] == 0


def test_randomised_bounds_have_their_streams(methods, run) -> None:
    def speaks_of_a_mean(claim: Claim) -> bool:
        return isinstance(claim.expect, Bound) and claim.expect.over == "mean"

    for name, method in methods.items():
        if method.CARD.role == "adaptive" and any(map(speaks_of_a_mean, claims_of(name))):
            assert run(name, small(0, trace="zipf"))[0]["streams"] >= 20
