"""Nearest: the M candidates whose way through the triangles' centres is shortest.

    length = |TX - c_1| + |c_1 - c_2| + ... + |c_K - RX|

Strong paths are short, and what is near is seldom hidden. No geometry of reflection is used. For
three reflections a beam of 50 M beginnings is kept.

**What to expect.** Better than blind by a factor, far from a half: the floor's centre is the
street's.

**Ways to fake it.** Selling distances as free: their time is in `latency_s`.
"""

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.ray_paths.substrate.replay import RayPaths, Tracing
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case, Ints, Query

CARD = Card(
    title="Nearest objects",
    paper="our own heuristic",
    adapts="nothing that is learned: candidates in the order of their length over centres",
    role="static",
    knobs=(Knob("M", (5, 10, 20, 50, 100, 500), 20, open=True, low=1, high=100000),),
)
BEAM = 50


def shortest(query: Query, number: int) -> Ints:
    """Return the candidates of least length: (number, K) at most."""
    centres = query.triangles.mean(axis=1)
    apart = np.linalg.norm(centres[:, None] - centres, axis=2)
    np.fill_diagonal(apart, np.inf)
    paths = np.arange(len(centres))[:, None]
    length = np.linalg.norm(centres - query.tx, axis=1)
    for _ in range(1, query.order):
        kept = np.argsort(length, kind="stable")[: BEAM * number]
        paths, length = paths[kept], length[kept]
        longer = length[:, None] + apart[paths[:, -1]]
        start, last = np.nonzero(np.isfinite(longer))
        paths = np.column_stack([paths[start], last])
        length = longer[start, last]
    length = length + np.linalg.norm(centres[paths[:, -1]] - query.rx, axis=1)
    return paths[np.argsort(length, kind="stable")[:number]]


def solve(task: RayPaths, case: Case, point: Point) -> Tracing:
    """Order and trace."""
    number = int(point["M"])
    return task.trace(case, lambda query: shortest(query, number))
