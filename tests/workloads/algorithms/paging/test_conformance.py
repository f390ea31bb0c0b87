"""Planted wrong policies must be caught, each for what is wrong with it."""

from pathlib import Path

import pytest

from adabench.workloads.algorithms.paging import conformance
from adabench.workloads.algorithms.paging.substrate.cache_engine import hook
from adabench.workloads.algorithms.paging.substrate.replay import Paging
from adabench.workloads.algorithms.paging.truth.hindsight import scored_task
from adabench.workloads.shared.counting.counted_task import Transcript
from tests.workloads.algorithms.task_promises import CountedPromises
from tests.workloads.planted_module import load_module

PACKAGE = "adabench.workloads.algorithms.paging"
SMALL = {"trace": "zipf"}


class TestPaging(CountedPromises):
    name = "paging"
    small = SMALL
    counted = ((("marker", "learned_bits", "belady"), {}),)
    online, oracle, refuses_oracle = "lru", "belady", "asks for hints 'next'"
    caught = (
        ("evicts_two", "evicted more or fewer pages"),
        ("looks_ahead", "looks ahead"),
        ("bits_on_faults", "ignores the bits told with hits"),
        ("first_unmarked", "it draws nothing"),
        ("first_unmarked", "FU-1"),
        ("best_of_two", "replays a case more than once"),
        ("forges", "changed the cache other than through `evict`"),
        ("prefetches", "changed the cache other than through `evict`"),
        ("writes_beyond", "wrote beyond its notes"),
        ("answers_itself", "reaches for 'hindsight' on line 14"),
        ("answers_itself", "reaches for 'answers' on line 16"),
        ("answers_itself", "reaches for 'meter' on line 17"),
        ("clears_the_meter", "reaches for 'meter' on line 13"),
        ("unseen", "imports adabench.workloads.algorithms.paging.methods.belady on line 4"),
        ("unseen", "reaches for 'keep_log' on line 23"),
        ("told_the_future", "told the true next uses"),
        ("imports_truth", "methods.fifo.fault on line 4, which is of another method. Move what"),
        ("imports_truth", "truth.hindsight.phase_bits on line 5: only the scorer and oracles may"),
    )
    caught_by_trials = (
        ("answers_itself", "not the task's own replay"),
        ("clears_the_meter", "replays a case more than once"),
        ("told_the_future", "told the true next uses"),
    )
    forbidden = (
        f"import {PACKAGE}.methods.lru",
        f"from {PACKAGE}.methods.belady import solve",
        f"from {PACKAGE} import conformance",
        "from . import mark0",
        "from .hints import advise",
        f"from {PACKAGE}.substrate.cache_engine import engine",
        "import gc",
        "task.replay(case, fault, serve, hints='next')",
        "task.replay.__closure__[0].cell_contents",
        "getattr(task, name)",
    )

    @pytest.fixture(autouse=True)
    def answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a planted policy writes into."""
        monkeypatch.setattr(Paging, "answers", {}, raising=False)


def test_the_task_does_not_say_that_it_is_recorded() -> None:
    advice = conformance.small_cases(8, 0, 0.1)
    transcript = Transcript()
    plain, recorded = scored_task(advice), scored_task(advice, transcript)
    method = load_module(Path(__file__).parent / "planted/prefetches.py")
    shown = [
        (sorted(vars(task)), [getattr(task, name) for name in ("known", "meter", "transcript")])
        for task in (plain, recorded)
    ]
    assert shown[0] == shown[1]
    case = plain.cases()[1]
    answers = [task.replay(case, method.fault, _nothing) for task in (plain, recorded)]
    assert len(transcript.heard[case.instance].log) == len(case.pages)
    assert [sorted(vars(answer)) for answer in answers] == [["faults", "hints", "instance"]] * 2


@hook
def _nothing(cache, notes, weights, page, hint):
    pass


def test_our_own_hints_cannot_be_swapped() -> None:
    (one, *_) = conformance.small_cases(8, 0, 0.1)
    with pytest.raises(TypeError):
        one.hints["discard"] = one.hints["next"]
    with pytest.raises(ValueError, match="WRITEABLE"):
        one.hints["discard"].flags.writeable = True
