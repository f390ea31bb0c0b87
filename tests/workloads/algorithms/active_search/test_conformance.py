"""Planted wrong methods must be caught, each for what is wrong with it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from adabench.workloads.algorithms.active_search import conformance
from adabench.workloads.algorithms.active_search.task import check
from adabench.workloads.shared.counting import method_trials

PLANTED = Path(__file__).parent / "planted"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"planted_as_{name}", PLANTED / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "caught"),
    [("knows_the_class", "reaches for 'group'"), ("clears_the_meter", "reaches for 'meter'")],
)
def test_a_wrong_source_is_caught(name: str, caught: str) -> None:
    method = load(name)
    assert caught in " ".join(check(method, method.CARD))


@pytest.mark.parametrize(
    ("name", "caught"),
    [
        ("knows_the_class", "it knows the class"),
        ("best_of_two", "more than once"),
        ("clears_the_meter", "wrote into the meter"),
    ],
)
def test_the_source_is_not_the_only_guard(name, caught, monkeypatch) -> None:
    monkeypatch.setattr(method_trials, "source_problems", lambda rules, method, card: iter(()))
    method = load(name)
    assert caught in " ".join(check(method, method.CARD))


@pytest.mark.parametrize(
    "line",
    [
        "from adabench.workloads.algorithms.active_search.methods.uniform import solve",
        "from adabench.workloads.algorithms.active_search.substrate.worst_case_bandit import search",
        "from adabench.workloads.algorithms.active_search.substrate.bandit_families import generate",
        "from adabench.workloads.algorithms.active_search import conformance",
        "from . import adversary",
        "task.play_knowing(case, policies)",
        "import gc",
        "getattr(task, name)",
    ],
)
def test_the_source_may_not_say(line: str) -> None:
    assert list(conformance.RULES.problems(line))
