"""What the flow-time tests share: all methods, and tasks made of given jobs."""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from adabench.harness.contract import registry
from adabench.workloads.algorithms.flow_time import task as flow_time
from adabench.workloads.algorithms.flow_time.substrate.job_streams import make_stream
from adabench.workloads.algorithms.flow_time.substrate.replay import FlowTime
from adabench.workloads.algorithms.flow_time.truth.scoring import scored_task

FOLDER = Path(flow_time.__file__).parent
NAMES = [path.stem for path in registry.method_files(FOLDER) if path.stem != "dropped_by_a_test"]


@pytest.fixture(scope="session")
def methods() -> dict[str, ModuleType]:
    """Every method of the folder, by name."""
    return {
        name: importlib.import_module(registry.find(f"flow_time/{name}").module) for name in NAMES
    }


@pytest.fixture(scope="session")
def values(methods: dict[str, ModuleType]) -> Callable[..., dict[str, dict[str, float]]]:
    """A function that runs a method on all cases of a task and returns their values by group."""

    def run(name: str, task: FlowTime, **knobs: float) -> dict[str, dict[str, float]]:
        method, seen = methods[name], {}
        for case in task.cases():
            task.meter.clear()
            answer = method.solve(task, case, {**method.CARD.defaults, **knobs})
            seen[case.group] = {**task.meter, **task.score(case, answer)}
        return seen

    return run


@pytest.fixture(scope="session")
def of_jobs() -> Callable[..., FlowTime]:
    """A function that makes a task of given jobs: (arrival, sizes of its operations)."""

    def make(jobs: Sequence[tuple[float, Sequence[float]]], group: str = "given") -> FlowTime:
        arrive = np.array([arrival for arrival, _ in jobs], np.float64)
        counts = np.array([len(sizes) for _, sizes in jobs])
        sizes = np.array([size for _, sizes in jobs for size in sizes], np.float64)
        return scored_task((make_stream(group, arrive, counts, sizes, int(counts.max()), 0),))

    return make
