"""Planted wrong policies must be caught, each for what is wrong with it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from adabench.workloads.algorithms.paging import conformance
from adabench.workloads.algorithms.paging.conformance import RULES
from adabench.workloads.algorithms.paging.substrate.cache_engine import hook
from adabench.workloads.algorithms.paging.substrate.replay import Paging
from adabench.workloads.algorithms.paging.task import check
from adabench.workloads.algorithms.paging.truth.scoring import scored_task
from adabench.workloads.shared.counting import method_trials
from adabench.workloads.shared.counting.counted_task import Transcript

PLANTED = Path(__file__).parent / "planted"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"planted_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "caught"),
    [
        ("evicts_two", "evicted more or fewer pages"),
        ("looks_ahead", "looks ahead"),
        ("bits_on_faults", "ignores the bits told with hits"),
        ("first_unmarked", "it draws nothing"),
        ("best_of_two", "replays a case more than once"),
        ("forges", "changed the cache other than through `evict`"),
        ("prefetches", "changed the cache other than through `evict`"),
        ("writes_beyond", "wrote beyond its notes"),
        ("answers_itself", "reaches for 'hindsight' on line 25"),
        ("answers_itself", "reaches for 'answers' on line 27"),
        ("answers_itself", "reaches for 'meter' on line 28"),
        ("clears_the_meter", "reaches for 'meter' on line 24"),
        ("unseen", "imports adabench.workloads.algorithms.paging.methods.belady on line 4"),
        ("unseen", "reaches for 'keep_log' on line 23"),
        ("told_the_future", "told the true next uses"),
        ("imports_truth", "methods.fifo.fault on line 4, which is of another method. Move what"),
        ("imports_truth", "truth.hindsight.phase_bits on line 5: only the scorer and oracles may"),
    ],
)
def test_a_wrong_policy_is_caught(name: str, caught: str) -> None:
    method = load(PLANTED / f"{name}.py")
    assert caught in " ".join(check(method, method.CARD))


@pytest.mark.parametrize(
    "line",
    [
        "import adabench.workloads.algorithms.paging.methods.lru",
        "from adabench.workloads.algorithms.paging.methods.belady import solve",
        "from adabench.workloads.algorithms.paging import conformance",
        "from . import mark0",
        "from .hints import advise",
        "from adabench.workloads.algorithms.paging.substrate.cache_engine import engine",
        "import gc",
        "task.replay(case, fault, serve, hints='next')",
        "task.replay.__closure__[0].cell_contents",
        "getattr(task, name)",
    ],
)
def test_the_source_may_not_say(line: str) -> None:
    assert list(RULES.problems(line))


@pytest.mark.parametrize("name", ["answers_itself", "clears_the_meter", "told_the_future"])
def test_the_source_is_not_the_only_guard(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method_trials, "source_problems", lambda *of: iter(()))
    monkeypatch.setattr(Paging, "answers", {}, raising=False)
    caught = {
        "answers_itself": "not the task's own replay",
        "clears_the_meter": "replays a case more than once",
        "told_the_future": "told the true next uses",
    }
    method = load(PLANTED / f"{name}.py")
    assert caught[name] in " ".join(check(method, method.CARD))


def test_the_task_does_not_say_that_it_is_recorded() -> None:
    advice = conformance.small_cases(8, 0, 0.1)
    transcript = Transcript()
    plain, recorded = scored_task(advice), scored_task(advice, transcript)
    method = load(PLANTED / "prefetches.py")
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


def test_a_deterministic_marker_breaks_the_logarithmic_bound() -> None:
    method = load(PLANTED / "first_unmarked.py")
    assert any("FU-1" in sentence for sentence in check(method, method.CARD))
