"""The disc graph of a scene's samples: who is within the radius r_n of whom.

    r_n = C gamma (ln n / n)^(1/d),   gamma = 2 (1/d)^(1/d) (mu / zeta_d)^(1/d)

with zeta_d the volume of the unit ball and mu that of the space. C = 2 as in the authors' code.
A planner may work on the first m samples alone; the graph is then that of those m, with their
own, larger radius. It is built once for each m, with scipy's k-d tree, and given to all planners.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from adabench.workloads.algorithms.replanning.substrate.scenes import SIDE, Floats, Scene

Ints = npt.NDArray[np.int32]
RADIUS_FACTOR = 2.0
CAPACITY = 32
"""Graphs, and shortest ways, held in a process: those of a suite at a few shares."""
Value = TypeVar("Value")


@dataclass(frozen=True)
class Roadmap:
    """A symmetric graph in CSR form; every edge is there in both directions."""

    points: Floats
    """(m, 3)"""
    start: Ints
    """(m + 1,) where each sample's edges begin."""
    target: Ints
    """(e,)"""
    twin: Ints
    """(e,) the same edge the other way."""
    length: Floats
    """(e,)"""
    radius: float


def connection_radius(samples: int, dimensions: int) -> float:
    """Return r_n for n samples of the cube of that many dimensions."""
    ball = math.pi ** (dimensions / 2) / math.gamma(dimensions / 2 + 1)
    gamma = 2 * (SIDE**dimensions / (dimensions * ball)) ** (1 / dimensions)
    return float(RADIUS_FACTOR * gamma * (math.log(samples) / samples) ** (1 / dimensions))


def connect(scene: Scene, samples: int) -> Roadmap:
    """Return the graph of the first `samples` samples."""
    from scipy.spatial import cKDTree  # scipy costs half a second: not for --help

    points = scene.points[:samples]
    radius = connection_radius(samples, scene.dimensions)
    pairs = cKDTree(points).query_pairs(radius, output_type="ndarray")
    source = np.concatenate([pairs[:, 0], pairs[:, 1]])
    target = np.concatenate([pairs[:, 1], pairs[:, 0]])
    order = np.lexsort((target, source))
    twin = np.empty(len(order), np.int32)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    twin[place] = np.roll(place, len(pairs))
    source, target = source[order], target[order]
    start = np.searchsorted(source, np.arange(samples + 1)).astype(np.int32)
    length = np.sqrt(((points[source] - points[target]) ** 2).sum(axis=1))
    return Roadmap(points, start, target.astype(np.int32), twin, length, radius)


@dataclass(frozen=True)
class PerScene(Generic[Value]):
    """A pure function of a scene and a number of samples, with its latest values held."""

    make: Callable[[Scene, int], Value]
    _latest: dict[tuple[float, int], Value] = field(default_factory=dict, repr=False)

    def __call__(self, scene: Scene, samples: int) -> Value:
        """Return the value, made on the first call."""
        key = scene.instance, samples
        if key not in self._latest:
            if len(self._latest) >= CAPACITY:
                self._latest.pop(next(iter(self._latest)))  # the oldest
            self._latest[key] = self.make(scene, samples)
        return self._latest[key]


roadmap = PerScene(connect)
"""`connect`, with its latest graphs held."""
