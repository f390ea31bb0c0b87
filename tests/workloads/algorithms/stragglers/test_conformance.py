"""Planted wrong schemes must be caught, each for what is wrong with it."""

import numpy as np

from adabench.workloads.algorithms.stragglers.conformance import (
    other_future,
    small_profiles,
    trials_of,
)
from adabench.workloads.algorithms.stragglers.substrate.replay import Stragglers
from adabench.workloads.shared.counting.counted_task import Transcript
from tests.workloads.algorithms.task_promises import CountedPromises

PACKAGE = "adabench.workloads.algorithms.stragglers"
SMALL = {"n": 8, "jobs": 4, "probe": 20, "delays": "short", "draws": 1}


class TestStragglers(CountedPromises):
    name = "stragglers"
    small = SMALL
    alone = ({"level": "simulated"}, {"level": "real"})
    counted = ((("multiplexed_gc", "random_backup", "hindsight"), {}),)
    hidden = ("cases",)
    online, oracle, refuses_oracle = "uncoded", "hindsight", "told delays beforehand"
    caught = (
        ("looks_ahead", "reaches for '__closure__'"),
        ("looks_ahead", "reaches for '_ledger'"),
        ("looks_ahead", "reaches for 'base'"),
        ("looks_ahead", "methods.gradient_code.coded_scheme on line 3, which is of another method"),
        ("told_delays", "reaches for 'foresight'"),
        ("clears_the_meter", "reaches for 'meter'"),
        ("never_waits", "cannot be decoded"),
        ("best_of_two", "more than once"),
    )
    caught_by_trials = (
        ("looks_ahead", "It looks ahead"),
        ("told_delays", "told delays beforehand"),
        ("clears_the_meter", "wrote into the meter"),
    )
    forbidden = (
        f"import {PACKAGE}.methods.hindsight",
        f"from {PACKAGE}.methods.uncoded import solve",
        f"from {PACKAGE} import engine",
        "from .delays import generate",
        "from . import instances",
        "import gc",
        "task.run(case, scheme, foresight=True)",
        "getattr(task, name)",
    )


def test_another_future_is_another_one(methods) -> None:
    # A check that changed nothing would pass everything: the oracle must be caught by it.
    trials = trials_of(methods["hindsight"], methods["hindsight"].CARD)
    (old,) = trials.attempt(({}, (small_profiles(3)[0],)))
    (new,) = trials.attempt(({}, (other_future(old.world, 7),)))
    assert old.heard.orders[:7] == new.heard.orders[:7]
    assert old.heard.orders[7] != new.heard.orders[7]


def test_the_task_does_not_say_that_it_is_recorded() -> None:
    profiles = small_profiles(0)
    plain, recorded = Stragglers(profiles), Stragglers(profiles, transcript=Transcript())
    assert sorted(vars(plain)) == sorted(vars(recorded))
    assert not any(isinstance(value, np.ndarray) for value in vars(plain).values())
