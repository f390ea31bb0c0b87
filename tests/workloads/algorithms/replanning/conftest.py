"""Small scenes, and planners by name."""

from types import ModuleType

import pytest

from adabench.harness.contract import registry
from adabench.workloads.algorithms.replanning.substrate.replay import Replanning
from adabench.workloads.algorithms.replanning.substrate.scenes import generate
from adabench.workloads.algorithms.replanning.truth.full_replan import scored_task


def planner(name: str) -> ModuleType:
    return registry.load(registry.find(f"replanning/{name}"))


def small(family: str, seed: int, samples: int = 120, updates: int = 8, speed: float = 3.0):
    return scored_task((generate(family, samples, updates, speed, seed),))


def whole_scene(task: Replanning):
    """Return a task's first scene, its future included."""
    return task.of(task.cases()[0]).scene


@pytest.fixture
def discs():
    return small("discs", 0)
