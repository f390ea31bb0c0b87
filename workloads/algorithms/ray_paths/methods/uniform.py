"""Uniform: M candidates drawn evenly, without an immediate repeat.

The reference curve: on average a share M / N of all paths, N = n (n - 1)^(K - 1); a little less, as
draws repeat. `blind_rate` beside it is the share that was really traced.

**What to expect.** Hit rate M / N, 0.5 to 1 % at M = 20 on a street.

**Ways to fake it.** Drawing triangles that are not there; fewer draws than the sampler.
"""

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.ray_paths.substrate.replay import RayPaths, Tracing
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case, Ints, Query

CARD = Card(
    title="Uniform candidates",
    paper="none: the reference curve M / N",
    adapts="nothing: candidates are drawn evenly",
    role="static",
    knobs=(Knob("M", (5, 10, 20, 50, 100, 500), 20, open=True, low=1, high=1000000),),
)


def draw_evenly(query: Query, number: int) -> Ints:
    """Draw (number, K) candidates; each place is even over all but the one before."""
    rng, n = np.random.default_rng(query.coins), len(query.triangles)
    paths = rng.integers(n, size=(number, query.order))
    for k in range(1, query.order):
        step = rng.integers(1, n, size=number)
        paths[:, k] = (paths[:, k - 1] + step) % n
    return paths


def solve(task: RayPaths, case: Case, point: Point) -> Tracing:
    """Draw and trace."""
    number = int(point["M"])
    return task.trace(case, lambda query: draw_evenly(query, number))
