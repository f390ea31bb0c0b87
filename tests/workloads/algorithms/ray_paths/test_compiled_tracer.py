"""The compiled tracer against a second one, by hand, and count by count."""

import numpy as np
import pytest

from adabench.workloads.algorithms.ray_paths.substrate.compiled_tracer import (
    OCCLUSION,
    TRACED,
    judge,
)
from adabench.workloads.algorithms.ray_paths.substrate.scenes import (
    QUAD,
    boxes,
    floor,
    generate,
    make_query,
)
from adabench.workloads.algorithms.ray_paths.substrate.tensor_tracer import trace_all
from adabench.workloads.algorithms.ray_paths.truth.all_paths import enumerate_paths
from adabench.workloads.algorithms.ray_paths.truth.second_tracer import bounce_points, is_path


def traced(query, candidates):
    counts = np.zeros(2, np.int64)
    valid = judge(query.triangles, query.normals, query.tx, query.rx, candidates, counts)
    return valid.astype(bool), counts


def candidates_of(query, number, rng):
    """Random candidates, and the paths among all with one place changed: those that nearly are."""
    n = len(query.triangles)
    rows = rng.integers(n, size=(number, query.order))
    paths = np.repeat(enumerate_paths(query), 4, axis=0)
    if len(paths):
        paths[np.arange(len(paths)), rng.integers(query.order, size=len(paths))] = rng.integers(
            n, size=len(paths)
        )
        rows = np.concatenate([rows, enumerate_paths(query), paths])
    return rows if query.order == 1 else rows[(rows[:, 1:] != rows[:, :-1]).all(axis=1)]


def agree(number):
    rng, seen, paths = np.random.default_rng(0), 0, 0
    for order, family in ((1, "street"), (2, "street"), (2, "scatter"), (3, "yard"), (2, "long")):
        for query in generate(family, 10, order, 5).queries:
            rows = candidates_of(query, number // 50, rng)
            valid, _ = traced(query, rows)
            again = np.array([is_path(query, row) for row in rows])
            assert np.array_equal(valid, again), (family, rows[valid != again])
            seen, paths = seen + len(rows), paths + int(valid.sum())
    return seen, paths


def test_it_agrees_with_the_second_tracer():
    seen, paths = agree(5000)
    assert seen > 4500
    assert paths > 50


@pytest.mark.slow
def test_it_agrees_with_the_second_tracer_on_a_hundred_thousand():
    seen, _ = agree(110_000)
    assert seen >= 100_000


@pytest.mark.parametrize(("family", "order"), [("street", 1), ("yard", 2), ("yard", 3)])
def test_enumeration_finds_what_brute_force_finds(family, order):
    for query in generate(family, 4, order, 2).queries:
        n = len(query.triangles)
        rows = np.indices((n,) * order).reshape(order, -1).T
        if order > 1:
            rows = rows[(rows[:, 1:] != rows[:, :-1]).all(axis=1)]
        assert len(rows) == query.candidates
        brute = [tuple(row) for row in rows if is_path(query, row)] if order < 3 else [
            tuple(row) for row in rows[traced(query, np.ascontiguousarray(rows))[0]]
        ]  # fmt: skip
        assert sorted(brute) == sorted(map(tuple, enumerate_paths(query).tolist()))


@pytest.mark.parametrize("order", [1, 2])
def test_tensors_find_the_same_and_test_everything(order):
    for query in generate("street", 4, order, 1).queries:
        counts, n = np.zeros(2, np.int64), len(query.triangles)
        found = trace_all(query, 100, counts)
        assert sorted(map(tuple, found)) == sorted(map(tuple, enumerate_paths(query)))
        assert counts[TRACED] == query.candidates
        assert counts[OCCLUSION] == query.candidates * ((order + 1) * n - 2 * order)


def mirror_scene(*more):
    """A floor, TX and RX above it, two metres apart; what is more stands between or over them."""
    return make_query(
        np.concatenate([floor((-5, 5), (-5, 5)), *more]),
        np.array([-1.0, 0.3, 1.0]),
        np.array([1.0, 0.3, 1.0]),
        1,
    )


def test_a_mirror_is_a_mirror():
    (path,) = enumerate_paths(mirror_scene())
    points = bounce_points(mirror_scene(), path)
    assert points is not None
    assert np.allclose(points[1], [0, 0.3, 0])


def test_a_wall_between_blocks_and_its_own_triangle_does_not():
    wall = boxes(np.array([[-0.1, -1.0, 0.0]]), np.array([[0.2, 2.0, 0.4]]))
    assert (enumerate_paths(mirror_scene(wall)) > 1).all()  # the roof reflects, the floor no longer
    valid, counts = traced(mirror_scene(), np.array([[0], [1]]))
    assert valid.sum() == 1
    # of the two floor triangles only the one that does not reflect is tested, once a segment
    assert counts.tolist() == [2, 2]


def test_a_point_on_the_edge_of_two_coplanar_triangles_is_counted_once():
    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0.0]])[QUAD]
    ends = np.array([-0.5, -0.5, 1.0]), np.array([0.5, 0.5, 1.0])
    assert len(enumerate_paths(make_query(square, *ends, 1))) == 1
    assert len(enumerate_paths(make_query(square[:, [1, 2, 0]], *ends, 1))) == 1


def test_nothing_reflects_behind_or_from_both_sides():
    below = make_query(
        floor((-5, 5), (-5, 5)), np.array([-1, 0.3, 1.0]), np.array([1, 0.3, -1.0]), 1
    )
    assert len(enumerate_paths(below)) == 0


def test_a_path_is_a_path_backwards():
    for query in generate("street", 10, 2, 9).queries:
        back = make_query(query.triangles, query.rx, query.tx, 2)
        there = {tuple(path) for path in enumerate_paths(query).tolist()}
        assert there == {tuple(path[::-1]) for path in enumerate_paths(back).tolist()}
