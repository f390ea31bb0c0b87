"""What is right, computed apart from every planner: Dijkstra on edges that are all tested anew.

Nothing is kept from update to update here, and the search is scipy's: a planner's incremental state
is held against code that has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adabench.workloads.algorithms.replanning.substrate.disc_graph import (
    Ints,
    PerScene,
    Roadmap,
    roadmap,
)
from adabench.workloads.algorithms.replanning.substrate.replay import Course, Drive, Replanning
from adabench.workloads.algorithms.replanning.substrate.scenes import SIDE, Floats, Scene, unmoved
from adabench.workloads.algorithms.replanning.substrate.world import GOAL, ROBOT, compiled, crosses
from adabench.workloads.shared.counting.counted_task import Transcript

CALM = 0.25
"""An update that breaks at most this share of the tree is a calm one."""
EXACT = 1e-9


@dataclass(frozen=True)
class Truth:
    """The shortest ways at every update: row 0 is before the first."""

    g: Floats
    """(1 + updates, m)"""
    paths: tuple[Ints, ...]
    parent: Ints
    """(1 + updates, m) towards the goal; negative for the goal and where there is no way."""
    orphaned: Floats
    """(1 + updates,) the share of samples whose shortest way of before is broken now."""
    free: npt.NDArray[np.bool_]
    """(1 + updates, e)"""


def search(scene: Scene, samples: int) -> Truth:
    """Return the shortest ways at every update, on the graph of a scene's first samples."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    road = roadmap(scene, samples)
    m = len(road.points)
    source = np.repeat(np.arange(m, dtype=np.int32), np.diff(road.start))
    rows, paths, parents, frees, orphaned = [], [], [], [], []
    before = np.full(m, -1, np.int32)
    for centres in scene.centres:
        free = np.empty(len(source), np.bool_)
        test_edges(road.points, source, road.target, centres, scene.radius, scene.walls, free)
        graph = csr_matrix((road.length[free], (source[free], road.target[free])), (m, m))
        g, parent = dijkstra(graph, indices=GOAL, return_predecessors=True)
        rows.append(g)
        frees.append(free)
        orphaned.append(_broken(before, road, free))
        paths.append(_followed(parent))
        parents.append(parent)
        before = parent
    return Truth(
        np.array(rows), tuple(paths), np.array(parents), np.array(orphaned), np.array(frees)
    )


shortest_ways = PerScene(search)
"""`search`, with its latest results held."""


def scored_task(scenes: Sequence[Scene], transcript: Transcript | None = None) -> Replanning:
    """Return the task of these scenes, with its score."""
    courses = [Course(unmoved(scene), scene, best_ways) for scene in scenes]
    return Replanning(courses, _values, transcript)


def best_ways(scene: Scene, samples: int) -> tuple[Ints, ...]:
    """Return the shortest way at every update, on the graph of the first samples."""
    return shortest_ways(scene, samples).paths


def _values(course: Course, answer: Drive) -> dict[str, float]:
    """Return the metrics of a drive."""
    scene = course.scene
    own = shortest_ways(scene, answer.samples)
    best = shortest_ways(scene, len(scene.points))
    return judge(scene, roadmap(scene, answer.samples), answer, own, best)


@compiled
def test_edges(
    points: Floats, source: Ints, target: Ints, centres: Floats, radius: Floats, walls: Floats,
    free: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    """Test every edge against every obstacle, from its lower end to its higher one."""
    for e in range(len(source)):
        a, b = min(source[e], target[e]), max(source[e], target[e])
        px, py, pz = points[a, 0], points[a, 1], points[a, 2]
        dx, dy, dz = points[b, 0] - px, points[b, 1] - py, points[b, 2] - pz
        square = dx * dx + dy * dy + dz * dz
        free[e] = True
        for k in range(len(radius)):
            cx, cy, cz = centres[k, 0] - px, centres[k, 1] - py, centres[k, 2] - pz
            t = (cx * dx + cy * dy + cz * dz) / square if square > 0 else 0.0
            t = min(max(t, 0.0), 1.0)
            if (cx - t * dx) ** 2 + (cy - t * dy) ** 2 + (cz - t * dz) ** 2 <= radius[k] ** 2:
                free[e] = False
                break
        for w in range(len(walls)):
            if free[e] and crosses(px, py, dx, dy, walls, w):
                free[e] = False


def _followed(parent: npt.NDArray[np.int32]) -> Ints:
    """Return the samples from the robot to the goal, none if there is no way."""
    path = [ROBOT]
    while path[-1] != GOAL:
        above = int(parent[path[-1]])
        if above < 0:
            return np.zeros(0, np.int32)
        path.append(above)
    return np.array(path, np.int32)


def _broken(parent: Ints, road: Roadmap, free: npt.NDArray[np.bool_]) -> float:
    """Return the share of the samples of a tree that hang on an edge which is blocked now."""
    within = np.flatnonzero(parent >= 0)
    return float(orphans(parent, road, free)[within].mean()) if len(within) else 0.0


def orphans(parent: Ints, road: Roadmap, free: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which samples of a tree hang on an edge that is blocked now, (m,)."""
    within = np.flatnonzero(parent >= 0)
    lost = np.zeros(len(parent), np.bool_)
    lost[within] = ~free[edges_of(road, within, parent[within])]
    above = np.where(parent >= 0, parent, GOAL)
    for _ in range(len(parent).bit_length()):  # pointer doubling: whoever is above counts too
        lost |= lost[above]
        above = above[above]
    return lost


def edges_of(road: Roadmap, a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Ints:
    """Return the edges from each of `a` to each of `b`; -1 where there is none."""
    m = len(road.points)
    source = np.repeat(np.arange(m, dtype=np.int64), np.diff(road.start))
    codes = source * m + road.target
    wanted = a.astype(np.int64) * m + b
    at = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
    return np.where(codes[at] == wanted, at, -1).astype(np.int32)


def judge(scene: Scene, road: Roadmap, answer: Drive, own: Truth, best: Truth) -> dict[str, float]:
    """Return the metrics of a drive. Quality is of all updates at which there is a way at all."""
    rounds = range(1, 1 + scene.updates)
    lengths = np.array(
        [_length(road, answer.paths[now], own.free[now]) for now in range(1 + scene.updates)]
    )
    reach = [now for now in rounds if best.g[now, ROBOT] < np.inf]
    work = answer.work[1:].astype(np.float64)
    values = {
        "work": float(work.sum(axis=1).mean()),
        "first_checks": float(answer.first_checks),
        "orphaned": float(own.orphaned[1:].mean()),
        "reachable": len(reach) / scene.updates,
        "safe": float(
            np.mean([not len(answer.paths[now]) or lengths[now] < np.inf for now in rounds])
        ),
        "update_cpu_s": float(np.median(answer.update_s)),
        "slow_update_cpu_s": float(np.quantile(answer.update_s, 0.99)),
        "tolerance": EXACT,
        "instance": scene.instance,
    }
    for name, share in (("path_quality", best), ("graph_quality", own)):
        there = [now for now in rounds if share.g[now, ROBOT] < np.inf]
        if there:
            ratios = [share.g[now, ROBOT] / lengths[now] for now in there]
            values[name] = float(np.mean(ratios))
    values["g_gap"] = _gap(answer, own)
    calm = own.orphaned[1:] <= CALM
    for name, some in (("relaxations_calm", calm), ("relaxations_rough", ~calm)):
        if some.any():
            values[name] = float(work[some, 0].mean())
    return values


def _gap(answer: Drive, own: Truth) -> float:
    """Return the largest error of a claimed cost; an infinite one is as long as no way can be."""
    mine, right = (answer.g, own.g) if answer.drained else (answer.cost, own.g[:, ROBOT])
    both = np.isinf(mine) & np.isinf(right)
    with np.errstate(invalid="ignore"):
        gap = float(np.where(both, 0.0, np.abs(mine - right)).max())
    return min(gap, SIDE * len(answer.g[0]))


def _length(road: Roadmap, path: Ints, free: npt.NDArray[np.bool_]) -> float:
    """Return the length of a way, infinite if it is none, leaves the graph or meets an obstacle."""
    if not len(path) or path[0] != ROBOT or path[-1] != GOAL:
        return np.inf
    edges = edges_of(road, path[:-1], path[1:])
    if np.any(edges < 0) or not np.all(free[edges]):
        return np.inf
    return float(road.length[edges].sum())
