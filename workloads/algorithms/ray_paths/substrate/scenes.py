"""A scene is triangles, a transmitter and a receiver; a case is many scenes of one family.

| family | what it is | why it is here |
|---|---|---|
| street  | two rows of three boxes and a floor, n <= 62 | the paper's kind, and the training's |
| long    | two rows of six boxes, n <= 122 | friendly: more to leave out, and another n |
| longer  | two rows of twelve boxes, n <= 242 | not in the suite: for searches that take long |
| scatter | 30 upright plates at any angle and a floor | hostile: never seen in training |
| yard    | one box and a floor, n <= 12 | negative control: 132 candidates are soon enumerated |

Boxes have no bottoms. Triangles are kept with a fill factor of U(0.5, 1), the floor always: what is
not kept is not in the scene, for anybody. Lengths are metres, z is up, the street runs along x.

Scenes are pure functions of (family, place, seed). Training draws from a stream of its own, by
`spawn_key`, so that no test scene is ever a training scene.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from adabench.workloads.shared.counting.frozen_arrays import content_number
from adabench.workloads.shared.counting.random_streams import child, read_only

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TEST, TRAIN, COINS = 0, 1, 2
"""Purposes: each has a stream of its own."""
CANYON_M = 7.5
"""Transmitters and receivers have |y| up to this."""
TX_M, RX_M = (2.0, 50.0), (1.0, 2.0)
"""Heights."""
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0],
                    [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])  # fmt: skip
SIDES = np.array([[0, 1, 5], [0, 5, 4], [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6],
                  [3, 0, 4], [3, 4, 7], [4, 5, 6], [4, 6, 7]])  # fmt: skip
"""Four walls and a roof, two triangles each."""
QUAD = np.array([[0, 1, 2], [0, 2, 3]])


@dataclass(frozen=True)
class Query:
    """One scene; asked for are all paths from its transmitter to its receiver."""

    triangles: Floats
    """(n, 3, 3) vertices in metres."""
    normals: Floats
    """(n, 3) of length 1."""
    tx: Floats
    rx: Floats
    order: int
    """How many reflections."""
    coins: int
    """A seed for what a method draws."""

    @property
    def candidates(self) -> int:
        """How many sequences of triangles there are without an immediate repeat."""
        n = len(self.triangles)
        return int(n * (n - 1) ** (self.order - 1))

    @property
    def scene(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return triangles, normals, transmitter and receiver, as the tracer takes them."""
        return self.triangles, self.normals, self.tx, self.rx


@dataclass(frozen=True)
class Case:
    """Scenes of one family."""

    group: str
    order: int
    queries: tuple[Query, ...]
    seed: int
    instance: float
    """The first 52 bits of a SHA-256 over all of the arrays."""


def generate(family: str, scenes: int, order: int, seed: int) -> Case:
    """Return the case of a family. Pure."""
    streams = (child(seed, TEST, family, at) for at in range(scenes))
    drawn = [FAMILIES[family](np.random.default_rng(stream)) for stream in streams]
    return make_case(family, order, drawn, seed)


SceneParts = tuple[Floats, Floats, Floats]
"""Triangles, transmitter, receiver."""


def make_case(group: str, order: int, drawn: list[SceneParts], seed: int = 0) -> Case:
    """Freeze the arrays and give the case its content hash."""
    seeds = child(seed, COINS).generate_state(len(drawn))
    queries = tuple(
        make_query(*parts, order, int(coins)) for parts, coins in zip(drawn, seeds, strict=True)
    )
    arrays = [array for query in queries for array in (query.triangles, query.tx, query.rx)]
    return Case(group, order, queries, seed, content_number(str(order).encode(), *arrays))


def make_query(triangles: Floats, tx: Floats, rx: Floats, order: int, coins: int = 0) -> Query:
    """Freeze one scene."""
    across = np.cross(
        triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    )  # (n, 3)
    normals = across / np.linalg.norm(across, axis=1, keepdims=True)
    triangles, normals, tx, rx = (
        read_only(np.asarray(array, np.float64)) for array in (triangles, normals, tx, rx)
    )
    return Query(triangles, normals, tx, rx, order, coins)


def boxes(low: Floats, size: Floats) -> Floats:
    """Return (10 b, 3, 3) triangles of boxes on the ground: (b, 3) low corners and sizes."""
    corners = low[:, None] + CORNERS * size[:, None]  # (b, 8, 3)
    walls: Floats = corners[:, SIDES].reshape(-1, 3, 3)
    return walls


def floor(x: tuple[float, float], y: tuple[float, float]) -> Floats:
    """Return the two triangles of the ground."""
    corners = np.array([[x[0], y[0], 0], [x[1], y[0], 0], [x[1], y[1], 0], [x[0], y[1], 0.0]])
    ground: Floats = corners[QUAD]
    return ground


def _kept(rng: np.random.Generator, walls: Floats, ground: Floats) -> Floats:
    """Return the ground and as many walls as a drawn fill factor keeps."""
    share = rng.uniform(0.5, 1.0)
    return np.concatenate([ground, walls[rng.random(len(walls)) < share]])


def _ends(rng: np.random.Generator, x: tuple[float, float]) -> tuple[Floats, Floats]:
    """Return a transmitter and a receiver in the canyon."""
    low, high = (x[0], -CANYON_M), (x[1], CANYON_M)
    tx = np.array([*rng.uniform(low, high), rng.uniform(*TX_M)])
    rx = np.array([*rng.uniform(low, high), rng.uniform(*RX_M)])
    return tx, rx


def _canyon(rng: np.random.Generator, a_row: int) -> SceneParts:
    """Return a street: boxes 15..30 m wide with gaps of 2..10 m, 8..40 m high."""
    wide, gap = rng.uniform(15, 30, (2, a_row)), rng.uniform(2, 10, (2, a_row))
    left = np.cumsum(wide + gap, axis=1) - wide - gap
    near, deep = rng.uniform(8, 12, (2, a_row)), rng.uniform(10, 20, (2, a_row))
    y = np.stack([near[0], -near[1] - deep[1]])
    low = np.stack([left, y, np.zeros_like(y)], axis=2).reshape(-1, 3)
    size = np.stack([wide, deep, rng.uniform(8, 40, (2, a_row))], axis=2).reshape(-1, 3)
    end = float((left + wide).max())
    tx, rx = _ends(rng, (0.0, end))
    return _kept(rng, boxes(low, size), floor((-5, end + 5), (-35, 35))), tx, rx


def _scatter(rng: np.random.Generator) -> SceneParts:
    """Return 30 upright plates, 8..25 m wide and 5..20 m high, at any angle on a square of 80 m."""
    turn, wide = rng.uniform(0, np.pi, 30), rng.uniform(8, 25, 30)
    along = np.stack([np.cos(turn) * wide, np.sin(turn) * wide, np.zeros(30)], axis=1)
    up = np.zeros((30, 3))
    up[:, 2] = rng.uniform(5, 20, 30)
    at = np.zeros((30, 3))
    at[:, :2] = rng.uniform(-40, 40, (30, 2))
    corners = np.stack([at, at + along, at + along + up, at + up], axis=1)
    tx = np.array([*rng.uniform(-30, 30, 2), rng.uniform(*TX_M)])
    rx = np.array([*rng.uniform(-30, 30, 2), rng.uniform(*RX_M)])
    return _kept(rng, corners[:, QUAD].reshape(-1, 3, 3), floor((-60, 60), (-60, 60))), tx, rx


def _yard(rng: np.random.Generator) -> SceneParts:
    """Return one box beside a yard."""
    low = np.array([[0.0, rng.uniform(8, 12), 0.0]])
    size = np.array([[rng.uniform(20, 40), rng.uniform(10, 20), rng.uniform(8, 40)]])
    tx, rx = _ends(rng, (0.0, 40.0))
    return _kept(rng, boxes(low, size), floor((-5, 45), (-35, 35))), tx, rx


FAMILIES: dict[str, Callable[[np.random.Generator], SceneParts]] = {
    "street": partial(_canyon, a_row=3),
    "long": partial(_canyon, a_row=6),
    "longer": partial(_canyon, a_row=12),
    "scatter": _scatter,
    "yard": _yard,
}
FRIENDLY, HOSTILE, CONTROLS = ("street", "long"), ("scatter",), ("yard",)
SUITE = (*FRIENDLY, *HOSTILE, *CONTROLS)
