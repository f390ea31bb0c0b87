"""One engine, two sets of criteria: where `compare` and `gate` differ, and where they must not."""

import math

import numpy as np
import pytest

from adabench.harness.compare import change
from adabench.harness.compare.margins import Margin
from adabench.harness.compare.pair_verdicts import Question, decide, measure
from adabench.harness.compare.pairing import MetricPairs
from adabench.harness.contract.record import Cell
from adabench.harness.gate.judge import Rule

COMPARE, GATE = change.CRITERIA, Rule().criteria()
CRITERIA = pytest.mark.parametrize("criteria", [COMPARE, GATE], ids=["compare", "gate"])
POINT = Margin(0.01, False)


def question(gaps: np.ndarray, margin: Margin = POINT, kind: str = "quality") -> Question:
    n = len(gaps)
    a = np.linspace(0.2, 0.4, n) if kind == "quality" else np.full(n, 100.0)
    zeros = np.zeros(n, np.intp)
    cell = Cell("task", "m", {}, {}, "embedded", 0)
    pairs = MetricPairs(cell, "metric", a, a + gaps, zeros, np.arange(n), zeros)
    return Question(pairs, kind, "higher" if kind == "quality" else "lower", margin)


def noise(center: float, scatter: float, n: int = 30) -> np.ndarray:
    draw = np.random.default_rng(0).normal(size=n)
    return center + scatter * (draw - draw.mean()) / draw.std()


def word(asked: Question, criteria) -> str:
    return decide([measure(asked, criteria)], criteria)[0].word


@CRITERIA
def test_sums_of_floats_in_another_order_are_no_change(criteria):
    asked = question(np.full(30, 1e-9), Margin(0.0, True), "count")
    assert measure(asked, criteria).equal
    assert word(asked, criteria) == "same"
    assert not measure(question(np.full(30, 1e-6), Margin(0.0, True), "count"), criteria).equal


@CRITERIA
@pytest.mark.parametrize(
    ("center", "expected"), [(-0.05, "worse"), (0.05, "better"), (0.0, "same")]
)
def test_a_change_beyond_the_margin_is_named_and_a_tight_one_is_the_same(
    criteria, center, expected
):
    assert word(question(noise(center, 0.002)), criteria) == expected


@CRITERIA
def test_noise_that_could_hide_the_margin_is_ambiguous(criteria):
    assert word(question(noise(0.0, 0.1)), criteria) == "ambiguous"


def test_compare_refutes_the_margin_and_gate_refutes_no_change():
    """Twice the margin, five standard errors from none: beyond the margin by half of them only."""
    asked = question(noise(-0.02, 0.04))
    assert word(asked, GATE) == "worse"
    assert word(asked, COMPARE) == "ambiguous"


def test_compare_asks_for_sameness_on_both_sides_and_gate_for_nothing_lost():
    asked = question(noise(0.009, 0.01))
    assert word(asked, GATE) == "same"
    assert word(asked, COMPARE) == "ambiguous"


@CRITERIA
def test_a_p_value_beside_its_hypothesis_reads_one(criteria):
    found = measure(question(noise(0.02, 0.1)), criteria)
    assert found.p_down == 1.0  # it rose
    beyond = measure(question(noise(-0.02, 0.1)), criteria)
    assert beyond.p_within == 1.0  # it lies beyond the margin


def test_five_units_are_too_few_for_compare_and_enough_for_gate():
    found = [measure(question(noise(0.05, 0.001, 5)), one) for one in (COMPARE, GATE)]
    assert math.isnan(decide(found[:1], COMPARE)[0].p_up)
    assert decide(found[1:], GATE)[0].word == "better"


def test_a_family_pays_for_both_sides_in_compare_and_for_each_in_gate():
    asked = [question(noise(-0.03 * sign, 0.02)) for sign in (1, 1, -1)]
    for criteria, factor in ((COMPARE, 2), (GATE, 1)):
        found = [measure(one, criteria) for one in asked]
        decisions = decide(found, criteria)
        assert decisions[0].p_down == pytest.approx(3 * factor * found[0].p_down)
    assert decide([None], COMPARE)[0].word == "invalid"
