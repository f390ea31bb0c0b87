"""What the straggler tests share: profiles made of given late rounds."""

from collections.abc import Callable

import numpy as np
import pytest

from adabench.workloads.algorithms.stragglers.substrate.delay_models import Profile, make_profile


@pytest.fixture(scope="session")
def of_pattern() -> Callable[..., Profile]:
    """A function that makes a profile of late rounds (rounds, n): 1 where on time, 4 where late."""

    def make(late: np.ndarray, jobs: int, alpha: float = 0.01) -> Profile:
        base = np.where(late, 4.0, 1.0)
        return make_profile("given", np.ones((20, late.shape[1])), base, jobs, alpha, 1.0, 0)

    return make
