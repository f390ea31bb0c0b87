"""Small scenes, and planners by name."""

from types import ModuleType

import pytest

from adabench.harness.contract import registry
from adabench.workloads.algorithms.replanning.substrate.replay import Replanning
from adabench.workloads.algorithms.replanning.substrate.scenes import generate
from adabench.workloads.algorithms.replanning.truth.full_replan import FullReplan


def planner(name: str) -> ModuleType:
    return registry.load(registry.find(f"replanning/{name}"))


def small(family: str, seed: int, samples: int = 120, updates: int = 8, speed: float = 3.0):
    return Replanning((generate(family, samples, updates, speed, seed),), FullReplan())


@pytest.fixture
def discs():
    return small("discs", 0)
