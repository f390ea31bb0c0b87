"""Planted wrong methods must be caught, each for what is wrong with it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from adabench.workloads.algorithms.connectivity import conformance
from adabench.workloads.algorithms.connectivity.conformance import RULES
from adabench.workloads.algorithms.connectivity.substrate.lifting import (
    lift_query,
    lift_update,
    lifted_recursion,
)
from adabench.workloads.algorithms.connectivity.substrate.update_streams import generate
from adabench.workloads.algorithms.connectivity.task import check
from adabench.workloads.algorithms.connectivity.truth.hindsight import advise, hindsight
from adabench.workloads.algorithms.connectivity.truth.scoring import scored_task
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


@pytest.fixture(autouse=True)
def _few_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "SIZES", ((40, 0),))
    monkeypatch.setattr(conformance, "CUTS", (0.5,))


@pytest.mark.parametrize(
    ("name", "caught"),
    [
        ("no_repair", "queries wrongly"),
        ("compresses", "queries wrongly"),
        pytest.param("rebuilds_all", "PU-1-bound fails", marks=pytest.mark.slow),
        ("true_ends", "reaches for 'true'"),
        ("looks_ahead", "reaches for 'case.opens' on line 17"),
        ("knows_it", "reaches for 'hindsight' on line 22"),
        ("twice", "serves a case more than once"),
        ("writes_the_ledger", "reaches for 'ledger' on line 17"),
        ("ignores", "ignores its predictions"),
    ],
)
def test_a_wrong_method_is_caught(name: str, caught: str) -> None:
    method = load(name)
    assert caught in " ".join(check(method, method.CARD))


@pytest.mark.parametrize(
    ("name", "caught"),
    [
        ("true_ends", "told the true deletion times"),
        ("looks_ahead", "looks ahead"),
        ("knows_it", "look its answers up"),
        pytest.param("writes_the_ledger", "steps on", marks=pytest.mark.slow),
    ],
)
def test_the_source_is_not_the_only_guard(
    name: str, caught: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(method_trials, "source_problems", lambda *of: iter(()))
    method = load(name)
    assert caught in " ".join(check(method, method.CARD))


@pytest.mark.parametrize(
    "line",
    [
        "import adabench.workloads.algorithms.connectivity.methods.rebuild",
        "from adabench.workloads.algorithms.connectivity.methods.offline import solve",
        "from adabench.workloads.algorithms.connectivity.truth.hindsight import advise",
        "from adabench.workloads.algorithms.connectivity.truth.offline_answers import connected",
        "from . import conformance",
        "from adabench.workloads.algorithms.connectivity.substrate.update_loop import run_once",
        "import gc",
        "case.left[0]",
        "case.query_left",
        "task.serve(case, update, query, notes, hints='true')",
        "getattr(task, name)",
    ],
)
def test_the_source_may_not_say(line: str) -> None:
    assert list(RULES.problems(line))


def test_the_task_does_not_say_that_it_is_heard() -> None:
    advice = (advise(hindsight(generate("random", 40, 20, 0)), 3.0),)
    transcript = Transcript()
    plain, heard = scored_task(advice), scored_task(advice, transcript)
    assert sorted(vars(plain)) == sorted(vars(heard))
    case = plain.cases()[0]
    answers = [
        task.serve(case, lift_update, lift_query, lifted_recursion) for task in (plain, heard)
    ]
    assert len(transcript.heard[case.instance]) == case.horizon
    assert vars(answers[0]).keys() == vars(answers[1]).keys() == {"instance", "hints", "answers"}


def test_predictions_cannot_be_swapped() -> None:
    advice = advise(hindsight(generate("random", 40, 20, 0)), 3.0)
    with pytest.raises(TypeError):
        advice.hints["given"] = advice.hints["true"]
    with pytest.raises(ValueError, match="WRITEABLE"):
        advice.hints["given"].flags.writeable = True
