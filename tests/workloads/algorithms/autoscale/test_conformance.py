"""Planted wrong methods must be caught, each for what is wrong with it."""

import numpy as np

from adabench.workloads.algorithms.autoscale.conformance import (
    other_future,
    small_demand,
    trials_of,
)
from tests.workloads.algorithms.task_promises import CountedPromises

PACKAGE = "adabench.workloads.algorithms.autoscale"
SMALL = {"trace": "bursts"}


class TestAutoscale(CountedPromises):
    name = "autoscale"
    small = SMALL
    counted = ((("linear_quantile", "adaptive_conformal", "clairvoyant"), {}),)
    online, oracle, refuses_oracle = "linear_quantile", "clairvoyant", "loads to come"
    caught = (
        ("clears_the_meter", "reaches for 'meter'"),
        ("knows_the_name", "reaches for 'group'"),
        ("told_loads", "reaches for 'coming'"),
    )
    caught_by_trials = (
        ("looks_ahead", "It looks ahead"),
        ("told_loads", "loads to come"),
        ("best_of_two", "more than once"),
        ("knows_the_name", "bears another name"),
        ("clears_the_meter", "wrote into the meter"),
    )
    forbidden = (
        f"import {PACKAGE}.methods.peak",
        f"from {PACKAGE} import conformance",
        f"from {PACKAGE}.truth.scoring import judge",
        f"from {PACKAGE}.substrate.traces import generate",
        "import gc",
        "past.windows.base",
        "getattr(task, name)",
    )


def test_another_future_is_another_one_and_leaves_what_was(methods) -> None:
    # A check that changed nothing would pass everything: the oracle must be caught by it.
    oracle = methods["clairvoyant"]
    (old,) = trials_of(oracle, oracle.CARD).attempt(({}, [small_demand(1)]))
    other = other_future(old, 40)
    assert (other.future[:40] == old.world.future[:40]).all()
    assert (other.future[40:] != old.world.future[40:]).all()
    (new,) = trials_of(oracle, oracle.CARD).attempt(({}, [other]))
    assert (old.heard[:40] == new.heard[:40]).all()
    assert (old.heard[40:] != new.heard[40:]).any()


def test_a_decision_hears_of_a_slot_as_late_as_capacity_starts(methods) -> None:
    conformal = methods["adaptive_conformal"]
    for delay in (1, 3):
        (old,) = trials_of(conformal, conformal.CARD).attempt(({}, [small_demand(delay)]))
        (new,) = trials_of(conformal, conformal.CARD).attempt(({}, [other_future(old, 40)]))
        first = int(np.flatnonzero((old.heard != new.heard).any(1))[0])
        assert first == 40 + delay
