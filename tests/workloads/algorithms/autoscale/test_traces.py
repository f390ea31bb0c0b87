"""What the generated services are: pure, of heavy tails where they should be, and never a flow's."""

import numpy as np
import pytest

from adabench.workloads.algorithms.autoscale.substrate.traces import (
    DAY,
    FAMILIES,
    LEVELS,
    PAST,
    TRAIN,
    Terms,
    carry_forward,
    generate,
    make_demand,
)


@pytest.fixture(scope="module")
def loads() -> dict[str, np.ndarray]:
    """Loads of a week that is served, several services of a family in one row."""
    return {
        family: np.stack(
            [carry_forward(generate(family, 7, seed))[:, -1] for seed in range(4)]
        )
        for family in FAMILIES
    }  # fmt: skip


def test_readings_are_pure_functions_of_family_seed_and_purpose() -> None:
    for family in FAMILIES:
        one, same, other = (generate(family, 1, seed) for seed in (3, 3, 4))
        assert one.shape == ((PAST + 1) * DAY, len(LEVELS))
        assert np.array_equal(one, same, equal_nan=True)
        assert not np.array_equal(one, other, equal_nan=True)
        assert not np.array_equal(one, generate(family, 1, 3, TRAIN), equal_nan=True)


def test_tails_are_heavy_where_bursts_are_and_a_gaussians_where_none_are(loads) -> None:
    def excess(family: str) -> float:
        steps = np.diff(loads[family], axis=1)
        scaled = (steps / steps.std(1, keepdims=True)).ravel()
        return float((scaled**4).mean() - 3)

    assert abs(excess("calm")) < 0.5
    assert min(excess("bursts"), excess("jobs"), excess("drift")) > 2


def test_loads_remember_and_are_not_drawn_anew(loads) -> None:
    for family in ("bursts", "jobs"):
        for load in loads[family]:
            late = load - load.mean()
            assert (late[1:] * late[:-1]).mean() / late.var() > 0.8


def test_a_drift_changes_its_level_while_it_is_served(loads) -> None:
    for load in loads["drift"]:
        known, served = load[: PAST * DAY], load[PAST * DAY :]
        week = 7 * DAY
        assert np.median(served[-3 * DAY :]) > 1.2 * np.median(known[-week:])
        assert np.median(known[-week:]) > 1.1 * np.median(known[:week])


def test_requests_tell_of_the_next_load_what_its_own_past_does_not() -> None:
    readings = generate("bursts", 1, 0)
    own = np.column_stack([np.ones(len(readings) - 2), readings[1:-1, -1], readings[:-2, -1]])
    both = np.column_stack([own, readings[1:-1, 0]])
    left = [np.linalg.lstsq(x, readings[2:, -1], rcond=None)[1][0] for x in (own, both)]
    assert left[1] < 0.9 * left[0]


def test_missing_readings_are_carried_forward_and_their_loads_not_scored() -> None:
    readings = np.array([[np.nan, 1.0], [2.0, np.nan], [np.nan, np.nan], [3.0, 4.0]])
    assert carry_forward(readings).tolist() == [[2, 1], [2, 1], [2, 1], [3, 4]]
    world = make_demand("own", readings, (1, 2), 2, Terms())
    assert world.there.tolist() == [False, True]
    assert np.isnan(generate("jobs", 1, 0)).mean() == pytest.approx(0.01, abs=0.003)


def test_cases_are_told_apart_by_how_they_are_served() -> None:
    readings = generate("calm", 1, 0)
    terms = (Terms(), Terms(), Terms(eps=0.02), Terms(delay=2), Terms(instances=10))
    made = [make_demand("calm", readings, LEVELS, PAST * DAY, one) for one in terms]
    numbers = [one.case.instance for one in made]
    assert numbers[0] == numbers[1]
    assert len({*numbers}) == 4
