"""The framework-matched tracer: all candidates as tensors, every test done for each of them.

What the paper times as exhaustive search, in the library that the sampler runs in. Nothing is
rejected early: occlusion of all K + 1 segments by all triangles is tested for every candidate, and
counted. Same geometry as `compiled_tracer.py` in float64; the owner of a shared edge is not settled
here, so a bounce point exactly on one may count twice. At scale `gpu` it is the tracer of
everybody, on the device, and its answers are read back batch by batch.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from adabench.workloads.algorithms.ray_paths.substrate.compiled_tracer import (
    NEAR,
    OCCLUSION,
    TRACED,
)
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Ints, Query


def trace_all(query: Query, chunk: int, counts: Ints, device: str = "cpu") -> Ints:
    """Return all paths (p, K) of a scene; counts what was tested."""
    found = [
        candidates[judge_dense(query, candidates, counts, device)]
        for candidates in _enumerated(query, chunk)
    ]
    return np.concatenate(found) if found else np.zeros((0, query.order), np.int64)


def _enumerated(query: Query, chunk: int) -> Iterator[Ints]:
    """Yield all sequences without an immediate repeat, at most `chunk` at a time."""
    n, order = len(query.triangles), query.order
    head = max(order - 2, 0)
    for prefix in product(range(n), repeat=head):
        tail = np.indices((n,) * (order - head)).reshape(order - head, -1).T
        rows = np.concatenate([np.tile(prefix, (len(tail), 1)), tail], axis=1).astype(np.int64)
        rows = rows[(rows[:, 1:] != rows[:, :-1]).all(axis=1)]
        for start in range(0, len(rows), chunk):
            yield rows[start : start + chunk]


def judge_dense(
    query: Query, candidates: Ints, counts: Ints, device: str = "cpu"
) -> npt.NDArray[np.bool_]:
    """Return which candidates (m, K) are paths: (m,); counts what was tested."""
    # the context places what is made anew; what comes from NumPy is moved
    with torch.inference_mode(), torch.device(device):
        triangles = torch.from_numpy(query.triangles.copy()).to(device)
        normals = torch.from_numpy(query.normals.copy()).to(device)
        paths = torch.from_numpy(candidates).to(device)
        good, points = _reflected(query, triangles, normals, paths)
        free = torch.ones(len(paths), dtype=torch.bool)
        for k in range(query.order + 1):
            ends = [paths[:, at] for at in (k - 1, k) if 0 <= at < query.order]
            free &= ~_blocked(triangles, normals, points[k], points[k + 1], ends)
        counts[TRACED] += len(paths)
        counts[OCCLUSION] += len(paths) * (
            (query.order + 1) * len(triangles) - 2 * query.order
        )  # a segment is not tested against the triangles that it ends on
        return np.asarray((good & free).cpu().numpy())


def _reflected(
    query: Query, triangles: Tensor, normals: Tensor, paths: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """Return which candidates reflect inside their triangles, and the K + 2 points (m, 3)."""
    m, order = paths.shape
    tx, rx = (torch.from_numpy(end.copy()).to(paths.device) for end in (query.tx, query.rx))
    images = [tx.expand(m, 3)]
    for k in range(order):
        normal, base = normals[paths[:, k]], triangles[paths[:, k], 0]
        far = ((images[-1] - base) * normal).sum(1, keepdim=True)
        images.append(images[-1] - 2 * far * normal)
    points = [rx.expand(m, 3)]
    good = torch.ones(m, dtype=torch.bool)
    for k in reversed(range(order)):
        which = paths[:, k]
        a = ((images[k + 1] - triangles[which, 0]) * normals[which]).sum(1)
        b = ((points[0] - triangles[which, 0]) * normals[which]).sum(1)
        good &= ((a < -NEAR) & (b > NEAR)) | ((a > NEAR) & (b < -NEAR))
        t = (a / (a - b).where(a != b, torch.ones(()).double()))[:, None]
        point = images[k + 1] + t * (points[0] - images[k + 1])
        good &= _inside(triangles[which], normals[which], point)
        points.insert(0, point)
    points.insert(0, tx.expand(m, 3))
    for k in range(order):
        which = paths[:, k]
        a = ((points[k] - triangles[which, 0]) * normals[which]).sum(1)
        b = ((points[k + 2] - triangles[which, 0]) * normals[which]).sum(1)
        good &= ((a < -NEAR) & (b < -NEAR)) | ((a > NEAR) & (b > NEAR))
    return good, points


def _inside(triangles: Tensor, normals: Tensor, points: Tensor) -> Tensor:
    """Tell which points of their planes lie in triangles; all broadcast over leading axes."""
    turns = []
    for at in range(3):
        edge = triangles[..., (at + 1) % 3, :] - triangles[..., at, :]
        turn = torch.linalg.cross(edge.expand_as(points), points - triangles[..., at, :])
        turns.append((turn * normals).sum(-1) >= 0)
    within: Tensor = turns[0] & turns[1] & turns[2]
    return within


def _blocked(
    triangles: Tensor, normals: Tensor, p: Tensor, q: Tensor, ends: list[Tensor]
) -> Tensor:
    """Tell which of m segments meet a triangle strictly between their ends."""
    base = (triangles[:, 0] * normals).sum(1)
    a, b = p @ normals.T - base, q @ normals.T - base  # (m, n)
    apart = (a > 0) != (b > 0)
    t = a / torch.where(a == b, torch.ones_like(a), a - b)
    hit = apart & (t > NEAR) & (t < 1 - NEAR)
    for at in range(3):  # which side of an edge a point of the plane is on is linear in the point
        edge = triangles[:, (at + 1) % 3] - triangles[:, at]
        inward = torch.linalg.cross(normals, edge)
        start = p @ inward.T - (triangles[:, at] * inward).sum(1)
        hit &= start + t * ((q - p) @ inward.T) >= 0
    for which in ends:
        hit.scatter_(1, which[:, None], torch.zeros_like(which[:, None], dtype=torch.bool))
    met: Tensor = hit.any(1)
    return met
