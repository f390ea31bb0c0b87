"""What the paging tests share: all methods, and tasks made of given pages."""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from adabench.harness.contract import registry
from adabench.workloads.algorithms.paging import task as paging
from adabench.workloads.algorithms.paging.substrate.replay import Paging
from adabench.workloads.algorithms.paging.substrate.traces import make_trace
from adabench.workloads.algorithms.paging.truth.hindsight import advise, hindsight
from adabench.workloads.algorithms.paging.truth.scoring import scored_task

FOLDER = Path(paging.__file__).parent
NAMES = [path.stem for path in registry.method_files(FOLDER) if path.stem != "dropped_by_a_test"]


@pytest.fixture(scope="session")
def methods() -> dict[str, ModuleType]:
    """Every method of the folder, by name."""
    return {name: importlib.import_module(registry.find(f"paging/{name}").module) for name in NAMES}


@pytest.fixture(scope="session")
def faults(methods: dict[str, ModuleType]) -> Callable[..., list[dict[str, float]]]:
    """A function that runs a method on all cases of a task and returns their values."""

    def run(name: str, task: Paging) -> list[dict[str, float]]:
        method = methods[name]
        state = (
            method.prepare(task, method.CARD.defaults, 0) if hasattr(method, "prepare") else task
        )
        seen = []
        for case in task.cases():
            task.meter.clear()
            answer = method.solve(state, case, method.CARD.defaults)
            seen.append({**task.meter, **task.score(case, answer)})
        return seen

    return run


@pytest.fixture(scope="session")
def of_pages() -> Callable[..., Paging]:
    """A function that makes a task of one given sequence."""

    def make(pages: list[int], slots: int, noise: float = 0.0, kind: str = "symmetric") -> Paging:
        trace = make_trace("given", np.array(pages, np.int32), max(pages) + 1, slots, 0)
        return scored_task((advise(hindsight(trace), noise, kind),))

    return make
