"""Planted wrong policies must be caught, each for what is wrong with it."""

from types import ModuleType

import numpy as np
import pytest

from adabench.workloads.algorithms.flow_time.conformance import (
    other_future,
    small_streams,
    trials_of,
)
from adabench.workloads.algorithms.flow_time.substrate.job_streams import Stream
from adabench.workloads.algorithms.flow_time.truth.scoring import scored_task
from adabench.workloads.shared.counting.counted_task import Transcript
from adabench.workloads.shared.counting.method_trials import Trial
from tests.workloads.algorithms.task_promises import CountedPromises

PACKAGE = "adabench.workloads.algorithms.flow_time"
SMALL = {"jobs": 50, "trace": "exp"}


class TestFlowTime(CountedPromises):
    name = "flow_time"
    small = SMALL
    counted = ((("random_job", "srpt"), {}),)
    online, oracle, refuses_oracle = "fifo", "srpt", "asks for true sizes"
    caught = (
        ("looks_ahead", "reaches for '__closure__'"),
        ("looks_ahead", "reaches for '_ledger'"),
        ("looks_ahead", "reaches for 'totals'"),
        ("clears_the_meter", "reaches for 'meter'"),
        ("no_coins", "methods.fifo.choose on line 4, which is of another method"),
    )
    caught_by_trials = (
        ("looks_ahead", "It looks ahead"),
        ("told_totals", "told true sizes"),
        ("best_of_two", "more than once"),
        ("no_coins", "it draws nothing"),
        ("clears_the_meter", "wrote into the meter"),
        ("false_claim", "claim X-1 fails"),
        ("false_claim", "claim X-2 fails"),
    )
    forbidden = (
        f"import {PACKAGE}.methods.srpt",
        f"from {PACKAGE}.methods.op_srpt import solve",
        f"from {PACKAGE} import conformance",
        "from . import optimum",
        "from .streams import generate",
        f"from {PACKAGE}.substrate.event_loop import engine",
        "import gc",
        "task.replay(case, hear, choose, sees='totals')",
        "getattr(task, name)",
    )


def attempt(method: ModuleType, streams: tuple[Stream, ...]) -> list[Trial]:
    return trials_of(method, method.CARD).attempt(({"m": streams[0].case.m}, streams))


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
