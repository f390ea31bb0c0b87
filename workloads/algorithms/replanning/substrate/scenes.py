"""A scene is a case of the replanning task: samples of a space, and discs that move through it.

| family | what it is | why it is here |
|---|---|---|
| discs  | 10 discs of radius 2..6 bounce in a square of side 100 | the paper's kind of scene |
| crowd  | 30 of them | more than a third of the tree breaks at each update |
| maze   | two walls with a gap each, and 8 discs | detours are long and change at once |
| balls  | 8 balls of radius 10..20 in a cube of side 100 | three dimensions |
| storm  | 30 discs that jump to a new place at each update | hostile: nothing is worth keeping |
| still  | 10 discs that stand | negative control: nothing is to be repaired |

Scenes are pure functions of (family, samples, updates, speed, seed); each purpose has its child
of `SeedSequence(seed)`. The robot stands near one corner, the goal near the opposite one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import numpy.typing as npt

from adabench.workloads.shared.counting.frozen_arrays import content_number
from adabench.workloads.shared.counting.random_streams import read_only

Floats = npt.NDArray[np.float64]

SIDE = 100.0
INFLATION = 0.5
"""Added to every obstacle's radius: the robot's own."""
MARGIN = 8.0
"""How far from their corners the robot and the goal stand."""
CLEARANCE = 1.0
"""Obstacles stay so far from both, or there would be no way to look for."""


@dataclass(frozen=True)
class Scene:
    """One case: where the samples are, and where every obstacle is at every update."""

    group: str
    dimensions: int
    points: Floats
    """(n, 3) samples, the goal first, the robot second; the third column is 0 on a plane."""
    centres: Floats
    """(1 + updates, k, 3) before the first update and after each; a planner is given the first."""
    radius: Floats
    """(k,) inflation included."""
    walls: Floats
    """(w, 4) axis-parallel boxes of the plane: x low, y low, x high, y high; they never move."""
    seed: int
    instance: float
    """The first 52 bits of a SHA-256 over all of the arrays."""

    @property
    def updates(self) -> int:
        """How often the obstacles move."""
        return len(self.centres) - 1


def generate(family: str, samples: int, updates: int, speed: float, seed: int) -> Scene:
    """Return the scene of a family. Pure."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(crc32(family.encode()),)))
    dimensions, walls, radius, path = FAMILIES[family](rng, updates, speed)
    points = np.zeros((samples, 3))
    points[:, :dimensions] = rng.uniform(0, SIDE, (samples, dimensions))
    points[0, :dimensions], points[1, :dimensions] = SIDE - MARGIN, MARGIN
    return make_scene(family, dimensions, points, path, radius + INFLATION, walls, seed)


def make_scene(
    group: str,
    dimensions: int,
    points: Floats,
    centres: Floats,
    radius: Floats,
    walls: Floats,
    seed: int = 0,
) -> Scene:
    """Freeze the arrays and give the scene its content hash."""
    given = (points, centres, radius, walls)
    points, centres, radius, walls = (read_only(np.asarray(one, np.float64)) for one in given)
    instance = content_number(str(dimensions).encode(), points, centres, radius, walls)
    return Scene(group, dimensions, points, centres, radius, walls, seed, instance)


def unmoved(scene: Scene) -> Scene:
    """Return a scene as it is before its first update: where obstacles will be is not in it."""
    return replace(scene, centres=read_only(scene.centres[:1]))


def _bouncing(
    rng: np.random.Generator, radius: Floats, dimensions: int, updates: int, speed: float
) -> Floats:
    """Return (1 + updates, k, 3) centres that move straight and bounce off the borders.

    Drawn again where one would ever cover the robot or the goal; after 1,000 draws it stands in
    the middle.
    """
    path = np.zeros((1 + updates, len(radius), 3))
    path[:, :, :dimensions] = SIDE / 2
    for k in range(len(radius)):
        for _ in range(1000):
            start, step = rng.uniform(0, SIDE, dimensions), rng.normal(size=dimensions)
            step *= speed / np.linalg.norm(step)
            free = start + step * np.arange(1 + updates)[:, None]
            folded = np.abs((free + SIDE) % (2 * SIDE) - SIDE)
            if _keeps_clear(folded, radius[k]):
                path[:, k, :dimensions] = folded
                break
    return path


def _keeps_clear(centres: Floats, radius: float) -> bool:
    """Tell whether an obstacle stays away from the robot and the goal at all times."""
    ends = [np.linalg.norm(centres - corner, axis=1).min() for corner in (MARGIN, SIDE - MARGIN)]
    return bool(min(ends) > radius + INFLATION + CLEARANCE)


Family = tuple[int, Floats, Floats, Floats]
NO_WALLS = np.zeros((0, 4))


def _discs(rng: np.random.Generator, updates: int, speed: float) -> Family:
    radius = rng.uniform(2, 6, 10)
    return 2, NO_WALLS, radius, _bouncing(rng, radius, 2, updates, speed)


def _crowd(rng: np.random.Generator, updates: int, speed: float) -> Family:
    radius = rng.uniform(2, 6, 30)
    return 2, NO_WALLS, radius, _bouncing(rng, radius, 2, updates, speed)


def _maze(rng: np.random.Generator, updates: int, speed: float) -> Family:
    gaps = rng.uniform(15, 30, 2)
    walls = np.array([[32.0, 0.0, 35.0, SIDE - gaps[0]], [65.0, gaps[1], 68.0, SIDE]])
    radius = rng.uniform(2, 6, 8)
    return 2, walls, radius, _bouncing(rng, radius, 2, updates, speed)


def _balls(rng: np.random.Generator, updates: int, speed: float) -> Family:
    radius = rng.uniform(10, 20, 8)
    return 3, NO_WALLS, radius, _bouncing(rng, radius, 3, updates, speed)


def _storm(rng: np.random.Generator, updates: int, speed: float) -> Family:
    radius = rng.uniform(2, 6, 30)
    jumps = [_bouncing(rng, radius, 2, 0, 1.0) for _ in range(1 + updates)]
    return 2, NO_WALLS, radius, np.concatenate(jumps)


def _still(rng: np.random.Generator, updates: int, speed: float) -> Family:
    radius = rng.uniform(2, 6, 10)
    return 2, NO_WALLS, radius, _bouncing(rng, radius, 2, updates, 0.0)


FAMILIES: dict[str, Callable[[np.random.Generator, int, float], Family]] = {
    "discs": _discs,
    "crowd": _crowd,
    "maze": _maze,
    "balls": _balls,
    "storm": _storm,
    "still": _still,
}
FRIENDLY, HOSTILE, CONTROLS = ("discs", "maze", "balls"), ("crowd", "storm"), ("still",)
