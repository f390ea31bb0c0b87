"""A second tracer, written apart from the first, to hold the first one against.

One candidate at a time, in numpy. Mirrors are 4 x 4 matrices; a triangle is met where the
solution of

    p + t (q - p) = a + u (b - a) + v (c - a)

has u and v in it, by a linear solver; all bounce points are found forward from the transmitter,
towards the receiver mirrored back.
"""

import numpy as np

from adabench.workloads.algorithms.ray_paths.substrate.scenes import Floats, Ints, Query

EDGE = 1e-9
PARALLEL = 1e-12


def is_path(query: Query, path: Ints) -> bool:
    """Tell whether a candidate is a path. Points on an edge are taken as inside."""
    points = bounce_points(query, path)
    if points is None:
        return False
    for k in range(len(path) + 1):
        own = {int(path[at]) for at in (k - 1, k) if 0 <= at < len(path)}
        for i, triangle in enumerate(query.triangles):
            if i in own:
                continue
            met = meets(triangle, points[k], points[k + 1])
            if met is not None and EDGE < met[0] < 1 - EDGE and _within(met):
                return False
    return True


def bounce_points(query: Query, path: Ints) -> Floats | None:
    """Return the K + 2 points of a candidate, or nothing if it reflects nowhere."""
    target = np.append(query.rx, 1.0)
    targets = [query.rx]
    for i in path[::-1]:
        target = mirror(query.triangles[i]) @ target
        targets.append(target[:3])
    points = [query.tx]
    for k, i in enumerate(path):
        met = meets(query.triangles[i], points[-1], targets[len(path) - k])
        if met is None or not EDGE < met[0] < 1 - EDGE or not _within(met):
            return None
        points.append(points[-1] + met[0] * (targets[len(path) - k] - points[-1]))
    points.append(query.rx)
    for k, i in enumerate(path):
        before, after = (_height(query.triangles[i], points[at]) for at in (k, k + 2))
        if before * after <= 0:
            return None
    return np.stack(points)


def mirror(triangle: Floats) -> Floats:
    """Return the (4, 4) reflection in a triangle's plane."""
    normal = _normal(triangle)
    found = np.eye(4)
    found[:3, :3] -= 2 * np.outer(normal, normal)
    found[:3, 3] = 2 * (normal @ triangle[0]) * normal
    return found


def meets(triangle: Floats, p: Floats, q: Floats) -> Floats | None:
    """Return (t, u, v) where a line meets a triangle's plane."""
    a, b, c = triangle
    system = np.stack([p - q, b - a, c - a], axis=1)
    scale = np.prod(np.linalg.norm(system, axis=0))
    if abs(np.linalg.det(system)) <= PARALLEL * scale:
        return None
    return np.linalg.solve(system, p - a)


def _within(met: Floats) -> bool:
    return bool(met[1] >= 0 and met[2] >= 0 and met[1] + met[2] <= 1)


def _normal(triangle: Floats) -> Floats:
    across = np.cross(triangle[1] - triangle[0], triangle[2] - triangle[0])
    found: Floats = across / np.linalg.norm(across)
    return found


def _height(triangle: Floats, point: Floats) -> float:
    return float(_normal(triangle) @ (point - triangle[0]))
