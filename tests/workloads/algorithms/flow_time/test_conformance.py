"""Planted wrong policies must be caught, each for what is wrong with it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from adabench.workloads.algorithms.flow_time import conformance
from adabench.workloads.algorithms.flow_time.conformance import (
    other_future,
    small_streams,
    trials_of,
)
from adabench.workloads.algorithms.flow_time.substrate.job_streams import Stream
from adabench.workloads.algorithms.flow_time.task import check
from adabench.workloads.algorithms.flow_time.truth.scoring import scored_task
from adabench.workloads.shared.counting import method_trials
from adabench.workloads.shared.counting.counted_task import Transcript
from adabench.workloads.shared.counting.method_trials import Trial

PLANTED = Path(__file__).parent / "planted"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"planted_{name}", PLANTED / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def attempt(method: ModuleType, streams: tuple[Stream, ...]) -> list[Trial]:
    return trials_of(method, method.CARD).attempt(({"m": streams[0].case.m}, streams))


@pytest.mark.parametrize(
    ("name", "caught"),
    [
        ("looks_ahead", "reaches for '__closure__'"),
        ("looks_ahead", "reaches for '_ledger'"),
        ("looks_ahead", "reaches for 'totals'"),
        ("clears_the_meter", "reaches for 'meter'"),
        ("no_coins", "methods.fifo.choose on line 4, which is of another method"),
    ],
)
def test_a_wrong_source_is_caught(name: str, caught: str) -> None:
    method = load(name)
    assert caught in " ".join(check(method, method.CARD))


@pytest.mark.parametrize(
    ("name", "caught"),
    [
        ("looks_ahead", "It looks ahead"),
        ("told_totals", "told true sizes"),
        ("best_of_two", "more than once"),
        ("no_coins", "it draws nothing"),
        ("clears_the_meter", "wrote into the meter"),
        ("false_claim", "claim X-1 fails"),
        ("false_claim", "claim X-2 fails"),
    ],
)
def test_the_source_is_not_the_only_guard(name, caught, monkeypatch) -> None:
    monkeypatch.setattr(method_trials, "source_problems", lambda *of: iter(()))
    method = load(name)
    assert caught in " ".join(check(method, method.CARD))


@pytest.mark.parametrize(
    "line",
    [
        "import adabench.workloads.algorithms.flow_time.methods.srpt",
        "from adabench.workloads.algorithms.flow_time.methods.op_srpt import solve",
        "from adabench.workloads.algorithms.flow_time import conformance",
        "from . import optimum",
        "from .streams import generate",
        "from adabench.workloads.algorithms.flow_time.substrate.event_loop import engine",
        "import gc",
        "task.replay(case, hear, choose, sees='totals')",
        "getattr(task, name)",
    ],
)
def test_the_source_may_not_say(line: str) -> None:
    assert list(conformance.RULES.problems(line))


def test_no_honest_method_reaches_anywhere(methods) -> None:
    for name, method in methods.items():
        if method.CARD.role != "oracle":
            assert not list(conformance.RULES.problems(Path(method.__file__).read_text())), name


@pytest.mark.parametrize("name", ["op_srpt", "chunked", "attained_current", "setf", "noisy_srpt"])
@pytest.mark.parametrize("m", [2, 6])
def test_unrevealed_sizes_change_no_earlier_decision(name, m, methods) -> None:
    method = methods[name]
    for old in attempt(method, small_streams(m, seed=9)):
        decided = old.heard.when[np.isfinite(old.heard.when)]
        for share in (0.1, 0.3, 0.5, 0.7, 0.9):
            cut = float(decided[int(share * (len(decided) - 1))])
            other = other_future(old, cut)
            (new,) = attempt(method, (other,))
            before = np.count_nonzero(old.heard.when < cut)
            assert before == np.count_nonzero(new.heard.when < cut)
            assert (old.heard.who[:before] == new.heard.who[:before]).all()


def test_another_future_is_another_one(methods) -> None:
    # A check that changed nothing would pass everything: SRPT must be caught by it.
    method = methods["srpt"]
    (exp, *_) = attempt(method, small_streams(6, seed=9))
    changed = caught = 0
    for decision in range(20, 220, 20):
        cut = float(exp.heard.when[decision])
        other = other_future(exp, cut)
        early = exp.world.arrive < cut
        assert (other.arrive[: early.sum()] == exp.world.arrive[early]).all()
        changed += bool((other.totals[: early.sum()] != exp.world.totals[early]).any())
        (new,) = attempt(method, (other,))
        before = np.count_nonzero(exp.heard.when < cut)
        caught += bool((exp.heard.who[:before] != new.heard.who[:before]).any())
    assert changed >= 5
    assert caught > 0


def test_the_task_does_not_say_that_it_is_recorded(methods) -> None:
    streams = small_streams(2, seed=0)
    plain, recorded = scored_task(streams), scored_task(streams, Transcript())
    assert sorted(vars(plain)) == sorted(vars(recorded))
    assert not hasattr(plain, "streams")
    assert not any(isinstance(value, np.ndarray) for value in vars(plain.cases()[0]).values())
