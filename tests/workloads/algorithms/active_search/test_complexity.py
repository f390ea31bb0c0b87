"""C(theta): closed forms, scaling, an independent solver, its slope, and the lower bound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from adabench.workloads.algorithms.active_search.substrate.complexity import (
    difficulty,
    equal_gap,
    on_boundary,
    shares,
    slope,
    success_limit,
)

GAPS = st.lists(st.floats(0.05, 5.0), min_size=1, max_size=9)


@pytest.mark.parametrize("gap", [0.1, 1.0, 3.0])
def test_two_arms_have_the_closed_form(gap: float) -> None:
    assert difficulty(np.array([[gap]]))[0] == pytest.approx(4 / gap**2, rel=1e-9)


@pytest.mark.parametrize("others", [1, 3, 9])
def test_equal_gaps_have_the_closed_form(others: int) -> None:
    found = difficulty(np.full((1, others), 0.7))[0]
    assert found == pytest.approx((1 + others**0.5) ** 2 / 0.49, rel=1e-9)
    assert equal_gap(found, others + 1) == pytest.approx(0.7)


@given(GAPS, st.floats(0.1, 10.0))
@settings(max_examples=50, deadline=None)
def test_it_scales_as_the_inverse_square(gaps: list[float], factor: float) -> None:
    row = np.array([gaps])
    assert difficulty(row * factor)[0] == pytest.approx(difficulty(row)[0] / factor**2, rel=1e-6)


@given(GAPS)
@settings(max_examples=50, deadline=None)
def test_the_allocation_adds_up_and_equalises(gaps: list[float]) -> None:
    row = np.array([gaps])
    hard, best, rest = shares(row)
    assert best[0] + rest.sum() == pytest.approx(1, rel=1e-6)
    terms = (1 / rest[0] + 1 / best[0]) / row[0] ** 2
    assert terms == pytest.approx(np.full(len(gaps), hard[0]), rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_a_general_solver_of_the_first_form_agrees(seed: int) -> None:
    gaps = np.random.default_rng(seed).uniform(0.3, 3.0, 9)

    def slack(x):
        return x[10] - (1 / x[1:10] + 1 / x[0]) / gaps**2

    found = minimize(
        lambda x: x[10],
        np.append(np.full(10, 0.1), 20 / gaps.min() ** 2),
        bounds=[(1e-6, 1)] * 10 + [(0, None)],
        constraints=[
            {"type": "ineq", "fun": slack},
            {"type": "eq", "fun": lambda x: x[:10].sum() - 1},
        ],
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-10},
    )
    assert difficulty(gaps[None])[0] == pytest.approx(found.fun, rel=1e-3)


def test_the_slope_is_that_of_differences() -> None:
    gaps = np.array([[0.5, 0.9, 2.0]])
    for i in range(3):
        step = np.zeros((1, 3))
        step[0, i] = 1e-5
        rise = (difficulty(gaps + step) - difficulty(gaps - step))[0] / 2e-5
        assert slope(gaps)[0, i] == pytest.approx(rise, rel=1e-4)


def test_a_row_is_scaled_onto_the_boundary() -> None:
    gaps = np.random.default_rng(0).uniform(0.1, 3.0, (20, 9))
    assert difficulty(on_boundary(gaps, 31.6)) == pytest.approx(np.full(20, 31.6))


def test_the_limit_on_success_is_between_chance_and_one() -> None:
    limits = [success_limit(hard, 10, 20) for hard in (1, 10, 100, 1000, 1e9)]
    assert limits == sorted(limits, reverse=True)
    assert limits[0] == 1
    assert limits[-1] == pytest.approx(0.1, abs=1e-3)
