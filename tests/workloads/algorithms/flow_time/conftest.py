"""What the flow-time tests share: tasks made of given jobs."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from adabench.workloads.algorithms.flow_time.substrate.job_streams import make_stream
from adabench.workloads.algorithms.flow_time.substrate.replay import FlowTime
from adabench.workloads.algorithms.flow_time.truth.scoring import scored_task


@pytest.fixture(scope="session")
def of_jobs() -> Callable[..., FlowTime]:
    """A function that makes a task of given jobs: (arrival, sizes of its operations)."""

    def make(jobs: Sequence[tuple[float, Sequence[float]]], group: str = "given") -> FlowTime:
        arrive = np.array([arrival for arrival, _ in jobs], np.float64)
        counts = np.array([len(sizes) for _, sizes in jobs])
        sizes = np.array([size for _, sizes in jobs for size in sizes], np.float64)
        return scored_task((make_stream(group, arrive, counts, sizes, int(counts.max()), 0),))

    return make
