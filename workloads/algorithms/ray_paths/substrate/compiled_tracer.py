"""The compiled tracer: is a sequence of triangles a path? Here is where costs are counted.

The image method. The transmitter is mirrored in the planes one after another; from the receiver
back, the bounce point on plane k is where the line to image k meets it. A candidate is a path iff

    every bounce point lies inside its triangle,
    both neighbours of a bounce point are strictly on the same side of its plane,
    and no other triangle is met by any of the K + 1 segments.

Tests stop at the first that fails. Two counters: candidates traced, and occlusion tests (a segment
against one triangle).

**Traps.** A segment that ends on a triangle is not blocked by it, nor by a coplanar neighbour: a
blocker must be met strictly between the ends. A bounce point on the edge of two coplanar triangles
belongs to one of them, by the direction of the edge. Images of a prefix are computed once for all
candidates that share it.
"""

import numpy as np

from adabench.workloads.algorithms.ray_paths.substrate.scenes import Floats, Ints, Query
from adabench.workloads.shared.compiled.kernels import compiled

TRACED, OCCLUSION = 0, 1
"""Places in `counts`."""
NEAR = 1e-9
"""Sides and ends: relative to the scene's own lengths, or to the segment's."""


@compiled
def side(triangles: Floats, normals: Floats, i: int, x: float, y: float, z: float) -> float:
    """Return the signed distance of a point from a triangle's plane."""
    return float(
        normals[i, 0] * (x - triangles[i, 0, 0])
        + normals[i, 1] * (y - triangles[i, 0, 1])
        + normals[i, 2] * (z - triangles[i, 0, 2])
    )


@compiled
def is_inside(triangles: Floats, normals: Floats, i: int, x: float, y: float, z: float) -> bool:
    """Tell whether a point of its plane lies in a triangle; each edge has one owner."""
    for a in range(3):
        b = (a + 1) % 3
        forward = True  # from the lexicographically smaller end, whoever asks
        for axis in range(3):
            if triangles[i, a, axis] != triangles[i, b, axis]:
                forward = triangles[i, a, axis] < triangles[i, b, axis]
                break
        lo, hi = (a, b) if forward else (b, a)
        ex = triangles[i, hi, 0] - triangles[i, lo, 0]
        ey = triangles[i, hi, 1] - triangles[i, lo, 1]
        ez = triangles[i, hi, 2] - triangles[i, lo, 2]
        px, py, pz = x - triangles[i, lo, 0], y - triangles[i, lo, 1], z - triangles[i, lo, 2]
        turn = (
            normals[i, 0] * (ey * pz - ez * py)
            + normals[i, 1] * (ez * px - ex * pz)
            + normals[i, 2] * (ex * py - ey * px)
        )
        if forward:
            if turn < 0.0:
                return False
        elif turn >= 0.0:
            return False
    return True


@compiled
def is_blocked(
    triangles: Floats, normals: Floats, p: Floats, q: Floats, skip: int, also: int, counts: Ints
) -> bool:
    """Tell whether a triangle is met strictly between two points; counts each test."""
    for i in range(len(triangles)):
        if i in (skip, also):
            continue
        counts[OCCLUSION] += 1
        a = side(triangles, normals, i, p[0], p[1], p[2])
        b = side(triangles, normals, i, q[0], q[1], q[2])
        if (a > 0.0) == (b > 0.0):
            continue
        t = a / (a - b)
        if t <= NEAR or t >= 1.0 - NEAR:
            continue
        x, y, z = p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1]), p[2] + t * (q[2] - p[2])
        if is_inside(triangles, normals, i, x, y, z):
            return True
    return False


@compiled
def mirror(triangles: Floats, normals: Floats, i: int, images: Floats, k: int) -> None:
    """Write the mirror image of image k in a triangle's plane to k + 1."""
    far = side(triangles, normals, i, images[k, 0], images[k, 1], images[k, 2])
    for axis in range(3):
        images[k + 1, axis] = images[k, axis] - 2.0 * far * normals[i, axis]


@compiled
def follow(
    triangles: Floats, normals: Floats, path: Ints, images: Floats, points: Floats, counts: Ints
) -> bool:
    """Tell whether a candidate is a path; its images are there.

    `points` (K + 2, 3): the transmitter first, the receiver last; bounce points are written.
    """
    order = len(path)
    counts[TRACED] += 1
    for k in range(order - 1, -1, -1):
        i = path[k]
        a = side(triangles, normals, i, images[k + 1, 0], images[k + 1, 1], images[k + 1, 2])
        b = side(triangles, normals, i, points[k + 2, 0], points[k + 2, 1], points[k + 2, 2])
        if not ((a < -NEAR and b > NEAR) or (a > NEAR and b < -NEAR)):
            return False
        t = a / (a - b)
        for axis in range(3):
            gap = points[k + 2, axis] - images[k + 1, axis]
            points[k + 1, axis] = images[k + 1, axis] + t * gap
        x, y, z = points[k + 1, 0], points[k + 1, 1], points[k + 1, 2]
        if not is_inside(triangles, normals, i, x, y, z):
            return False
    for k in range(order):
        i = path[k]
        a = side(triangles, normals, i, points[k, 0], points[k, 1], points[k, 2])
        b = side(triangles, normals, i, points[k + 2, 0], points[k + 2, 1], points[k + 2, 2])
        if not ((a < -NEAR and b < -NEAR) or (a > NEAR and b > NEAR)):
            return False
    for k in range(order, -1, -1):
        skip = path[k - 1] if k > 0 else -1
        also = path[k] if k < order else -1
        if is_blocked(triangles, normals, points[k], points[k + 1], skip, also, counts):
            return False
    return True


@compiled
def judge(
    triangles: Floats, normals: Floats, tx: Floats, rx: Floats, candidates: Ints, counts: Ints
) -> Ints:
    """Return which of (m, K) candidates are paths: (m,) of 0 and 1."""
    m, order = candidates.shape
    valid = np.zeros(m, np.int64)
    images, points = np.empty((order + 1, 3)), np.empty((order + 2, 3))
    images[0], points[0], points[order + 1] = tx, tx, rx
    for at in range(m):
        path = candidates[at]
        for k in range(order):
            mirror(triangles, normals, path[k], images, k)
        valid[at] = follow(triangles, normals, path, images, points, counts)
    return valid


@compiled
def exhaust(
    triangles: Floats,
    normals: Floats,
    tx: Floats,
    rx: Floats,
    order: int,
    first: Ints,
    last: Ints,
    facing: Ints,
    counts: Ints,
) -> Ints:
    """Return all paths (p, K) among the candidates that are left.

    `first` and `last` (n,) say which triangles may be met first and last, `facing` (n, n) which
    may follow which; the diagonal is 0. Candidates are enumerated depth first.
    """
    n = len(triangles)
    found, number = np.empty((16, order), np.int64), 0
    images, points = np.empty((order + 1, 3)), np.empty((order + 2, 3))
    images[0], points[0], points[order + 1] = tx, tx, rx
    path = np.full(order, -1)
    depth = 0
    while depth >= 0:
        path[depth] += 1
        i = path[depth]
        if i >= n:
            path[depth] = -1
            depth -= 1
            continue
        if depth == 0 and first[i] == 0:
            continue
        if depth > 0 and facing[path[depth - 1], i] == 0:
            continue
        if depth == order - 1 and last[i] == 0:
            continue
        mirror(triangles, normals, i, images, depth)
        if depth < order - 1:
            depth += 1
            continue
        if follow(triangles, normals, path, images, points, counts):
            if number == len(found):
                more = np.empty((2 * number, order), np.int64)
                more[:number] = found
                found = more
            found[number] = path
            number += 1
    return found[:number].copy()


@compiled
def triangles_in_view(
    triangles: Floats, normals: Floats, point: Floats, fine: int, counts: Ints
) -> Ints:
    """Return which triangles are in view of a point: (n,).

    Each is looked at in fine (fine + 1) / 2 places, even over it, until one is seen; what is seen
    through a smaller gap is missed.
    """
    n = len(triangles)
    seen, aim = np.zeros(n, np.int64), np.empty(3)
    for i in range(n):
        for cell in range(fine * fine):
            row, column = cell // fine, cell % fine
            if row + column >= fine:
                continue
            u, v = (row + 1.0 / 3.0) / fine, (column + 1.0 / 3.0) / fine
            for axis in range(3):
                a, b, c = triangles[i, 0, axis], triangles[i, 1, axis], triangles[i, 2, axis]
                aim[axis] = a + u * (b - a) + v * (c - a)
            if not is_blocked(triangles, normals, point, aim, i, -1, counts):
                seen[i] = 1
                break
    return seen


def every_path(query: Query, counts: Ints) -> Ints:
    """Return all paths (p, K) of a scene, by tracing every candidate; counts what was tested."""
    n = len(query.triangles)
    one, apart = np.ones(n, np.int64), 1 - np.eye(n, dtype=np.int64)
    return exhaust(*query.scene, query.order, one, one, apart, counts)
