"""The queue is a queue, the tree is a tree, and a way meets what it looks to meet."""

import heapq

import numpy as np
import pytest
from numba.core.errors import NumbaError

from adabench.workloads.algorithms.replanning.substrate import world as parts
from adabench.workloads.algorithms.replanning.substrate.disc_graph import roadmap
from adabench.workloads.algorithms.replanning.substrate.moving_obstacles import settle
from adabench.workloads.algorithms.replanning.substrate.replay import blank_space
from adabench.workloads.algorithms.replanning.substrate.scenes import generate
from adabench.workloads.algorithms.replanning.substrate.world import CHECKS, FREE, QUEUE, SIZE

from .conftest import planner, small, whole_scene


def new(family="discs", samples=60, seed=0):
    task = small(family, seed, samples)
    scene = whole_scene(task)
    return blank_space(roadmap(scene, samples), scene)


def test_the_queue_gives_the_least_key_first():
    space, rng = new(), np.random.default_rng(0)
    known = {}
    for _step in range(3000):
        node = int(rng.integers(60))
        if rng.random() < 0.6:
            key = float(rng.integers(8)), float(rng.integers(8))
            parts.put(space.queue, node, *key)
            known[node] = key
        elif rng.random() < 0.3:
            parts.drop(space.queue, node)
            known.pop(node, None)
        elif known:
            taken = parts.take(space.queue)
            least = min(known.values())
            assert known.pop(taken) == least
        assert space.queue.counts[SIZE] == len(known)
    order = [parts.take(space.queue) for _ in range(len(known))]
    keys = [known[node] for node in order]
    assert keys == heapq.nsmallest(len(keys), keys)


def test_each_operation_of_the_queue_counts_once():
    space = new()
    parts.put(space.queue, 3, 1.0, 0.0)
    parts.put(space.queue, 3, 0.5, 0.0)
    parts.drop(space.queue, 4)  # not queued: nothing to do
    parts.take(space.queue)
    assert space.queue.counts[QUEUE] == 3


def test_children_follow_their_parents():
    space, rng = new(), np.random.default_rng(1)
    for _ in range(500):
        child = int(rng.integers(1, 60))
        if rng.random() < 0.7:
            parts.adopt(space.tree, int(rng.integers(0, child)), child)
        else:
            parts.disown(space.tree, child)
        seen = {}
        for node in range(60):
            at = space.tree.child[node]
            while at >= 0:
                seen[int(at)] = node
                at = space.tree.after[at]
        assert seen == {n: int(p) for n, p in enumerate(space.tree.parent) if p >= 0}


def test_a_way_is_blocked_where_a_point_of_it_lies_inside_an_obstacle():
    """Held against points along the way: 0.02 apart, so only grazing ways may differ."""
    for family in ("discs", "maze", "balls"):
        scene = generate(family, 200, 1, 1.0, 4)
        task = small(family, 4, 200)
        scene = whole_scene(task)
        space = blank_space(roadmap(scene, 200), scene)
        rng = np.random.default_rng(0)
        unlike = 0
        for a, b in rng.integers(0, 200, (300, 2)):
            t = np.linspace(0, 1, 5000)[:, None]
            way = scene.points[a] * (1 - t) + scene.points[b] * t
            gaps = np.linalg.norm(way[:, None] - scene.centres[0], axis=2)
            inside = (gaps <= scene.radius).any()
            for x, y, u, v in scene.walls:
                inside |= (
                    (way[:, 0] >= x) & (way[:, 0] <= u) & (way[:, 1] >= y) & (way[:, 1] <= v)
                ).any()
            unlike += bool(parts.hits(space.world, a, b)) != bool(inside)
        assert unlike <= 1


def test_an_edge_is_tested_once_and_counted():
    space = new()
    settle(space)
    assert space.queue.counts[CHECKS] == len(space.target) // 2
    settle(space)
    assert space.queue.counts[CHECKS] == len(space.target) // 2
    assert np.array_equal(np.isinf(space.price), space.state != FREE)


def test_dijkstra_looks_at_each_edge_of_what_it_reaches_once():
    """The counter, held against the graph: degrees of all samples that got a cost."""
    task = small("still", 2)
    [scene] = task.cases()
    answer = planner("dijkstra").solve(task, scene, {"share": 1.0})
    degrees = np.diff(roadmap(scene, 120).start)
    for g, work in zip(answer.g, answer.work, strict=True):
        assert work[0] == degrees[g < np.inf].sum()
    assert task.meter["relaxations"] == answer.work[1:, 0].sum()


@pytest.mark.parametrize(
    "name", ["dijkstra", "fmt_star", "fmtx", "hindsight", "lpa_star", "random_repair", "rrtx"]
)
def test_no_planner_counts_references(name):
    """A counted reference costs more than a heap operation: it would decide who is faster."""
    method = planner(name)
    for kernel in (method.plan, method.repair, parts.put, parts.drop, parts.adopt, parts.hits):
        assert kernel.targetoptions["_nrt"] is False


def test_a_kernel_that_allocates_does_not_compile():
    @parts.compiled
    def wasteful(space):
        return np.zeros(len(space.g)).sum()

    with pytest.raises(NumbaError):
        wasteful(new())
