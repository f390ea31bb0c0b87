"""Visibility pruning: what the transmitter sees comes first, what the receiver sees last.

The standard pruning. A triangle is in view if one of its places is: `fine` (fine + 1) / 2 of
them, even over it; every test of every view is counted. A triangle may follow another one only if
each has a vertex off the other's plane. All that is left is enumerated by the compiled tracer.

    first: in view of TX    last: in view of RX    pair: not in one plane

**What to expect.** A fraction of the candidates, and a hit rate a little below 1: what is seen
through a small gap alone is missed, a large floor behind houses most of all. Not less time: views
cost more than the candidates they save when n is small.

**Ways to fake it.** Views that nobody counts.
"""

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.ray_paths.substrate.replay import Look, RayPaths, Tracing
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case, Ints, Query

CARD = Card(
    title="Visibility-pruned, compiled",
    paper="the standard pruning of image methods",
    adapts="which candidates are left out, by views from both ends",
    role="static",
    knobs=(Knob("fine", (2, 6, 12), 6, open=True, low=1, high=100),),
)
FLAT_M = 1e-9


def prune(query: Query, look: Look, fine: int) -> tuple[Ints, Ints, Ints]:
    """Return what may be first, last and next to each other."""
    base = (query.triangles[:, 0] * query.normals).sum(axis=1)
    height = query.triangles @ query.normals.T - base  # (n, 3, n): of i's vertices over j
    off = (np.abs(height) > FLAT_M).any(axis=1)
    facing = (off & off.T).astype(np.int64)
    return look(query.tx, fine), look(query.rx, fine), facing


def solve(task: RayPaths, case: Case, point: Point) -> Tracing:
    """Prune and enumerate."""
    fine = int(point["fine"])
    return task.enumerate(case, lambda query, look: prune(query, look, fine))
