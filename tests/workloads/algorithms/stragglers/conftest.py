"""What the straggler tests share: all methods, and profiles made of given late rounds."""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from adabench.harness.contract import registry
from adabench.workloads.algorithms.stragglers import task as stragglers
from adabench.workloads.algorithms.stragglers.substrate.delay_models import Profile, make_profile
from adabench.workloads.algorithms.stragglers.substrate.replay import Stragglers

FOLDER = Path(stragglers.__file__).parent
NAMES = [path.stem for path in registry.method_files(FOLDER) if path.stem != "dropped_by_a_test"]


@pytest.fixture(scope="session")
def methods() -> dict[str, ModuleType]:
    """Every method of the folder, by name."""
    return {
        name: importlib.import_module(registry.find(f"stragglers/{name}").module) for name in NAMES
    }


@pytest.fixture(scope="session")
def values(methods: dict[str, ModuleType]) -> Callable[..., dict[str, dict[str, float]]]:
    """A function that runs a method on all cases of a task and returns its values by group."""

    def run(name: str, task: Stragglers, **knobs: object) -> dict[str, dict[str, float]]:
        method, seen = methods[name], {}
        for case in task.cases():
            task.meter.clear()
            answer = method.solve(task, case, {**method.CARD.defaults, **knobs})
            seen[case.group] = {**task.meter, **task.score(case, answer)}
        return seen

    return run


@pytest.fixture(scope="session")
def of_pattern() -> Callable[..., Profile]:
    """A function that makes a profile of late rounds (rounds, n): 1 where on time, 4 where late."""

    def make(late: np.ndarray, jobs: int, alpha: float = 0.01) -> Profile:
        base = np.where(late, 4.0, 1.0)
        return make_profile("given", np.ones((20, late.shape[1])), base, jobs, alpha, 1.0, 0)

    return make
