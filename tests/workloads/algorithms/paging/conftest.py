"""What the paging tests share: tasks made of given pages."""

from collections.abc import Callable

import numpy as np
import pytest

from adabench.workloads.algorithms.paging.substrate.replay import Paging
from adabench.workloads.algorithms.paging.substrate.traces import make_trace
from adabench.workloads.algorithms.paging.truth.hindsight import advise, hindsight, scored_task


@pytest.fixture(scope="session")
def of_pages() -> Callable[..., Paging]:
    """A function that makes a task of one given sequence."""

    def make(pages: list[int], slots: int, noise: float = 0.0, kind: str = "symmetric") -> Paging:
        trace = make_trace("given", np.array(pages, np.int32), max(pages) + 1, slots, 0)
        return scored_task((advise(hindsight(trace), noise, kind),))

    return make
