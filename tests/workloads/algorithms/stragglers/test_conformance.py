"""Planted wrong schemes must be caught, each for what is wrong with it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from adabench.workloads.algorithms.stragglers import conformance
from adabench.workloads.algorithms.stragglers.conformance import (
    other_future,
    small_profiles,
    trials_of,
)
from adabench.workloads.algorithms.stragglers.substrate.replay import Stragglers
from adabench.workloads.algorithms.stragglers.task import check
from adabench.workloads.shared.counting import method_trials
from adabench.workloads.shared.counting.counted_task import Transcript

PLANTED = Path(__file__).parent / "planted"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"planted_{name}", PLANTED / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "caught"),
    [
        ("looks_ahead", "reaches for '__closure__'"),
        ("looks_ahead", "reaches for '_ledger'"),
        ("looks_ahead", "reaches for 'base'"),
        ("looks_ahead", "methods.gradient_code.CodedScheme on line 4, which is of another method"),
        ("told_delays", "reaches for 'foresight'"),
        ("clears_the_meter", "reaches for 'meter'"),
        ("never_waits", "cannot be decoded"),
        ("best_of_two", "more than once"),
    ],
)
def test_a_wrong_scheme_is_caught(name: str, caught: str) -> None:
    method = load(name)
    assert caught in " ".join(check(method, method.CARD))


@pytest.mark.parametrize(
    ("name", "caught"),
    [
        ("looks_ahead", "It looks ahead"),
        ("told_delays", "told delays beforehand"),
        ("clears_the_meter", "wrote into the meter"),
    ],
)
def test_the_source_is_not_the_only_guard(name: str, caught: str, monkeypatch) -> None:
    monkeypatch.setattr(method_trials, "source_problems", lambda *of: iter(()))
    method = load(name)
    assert caught in " ".join(check(method, method.CARD))


@pytest.mark.parametrize(
    "line",
    [
        "import adabench.workloads.algorithms.stragglers.methods.hindsight",
        "from adabench.workloads.algorithms.stragglers.methods.uncoded import solve",
        "from adabench.workloads.algorithms.stragglers import engine",
        "from .delays import generate",
        "from . import instances",
        "import gc",
        "task.run(case, scheme, foresight=True)",
        "getattr(task, name)",
    ],
)
def test_the_source_may_not_say(line: str) -> None:
    assert list(conformance.RULES.problems(line))


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
