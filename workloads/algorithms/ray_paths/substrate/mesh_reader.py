"""Read a user's mesh (.ply), or the street canyon that the package `sionna-rt` brings.

PLY, ascii or binary: an element `vertex` with x, y and z in metres, z up, and an element `face`
with a list `vertex_indices` (or `vertex_index`). Polygons are cut into triangles by a fan;
triangles without an area are left out. Other properties and elements are skipped.

Transmitters (2..50 m, at most a quarter above the highest point) and receivers (1..2 m above the
lowest point) are drawn in the mesh's bounding box, outdoors: nothing is above them.
"""

import importlib.util
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from adabench.harness.errors import EnvironmentProblem, SelectionError, nearest
from adabench.workloads.algorithms.ray_paths.substrate.scenes import (
    RX_M,
    SUITE,
    TEST,
    TX_M,
    Case,
    Floats,
    Ints,
    SceneParts,
    make_case,
)
from adabench.workloads.shared.counting.random_streams import child

MOST = 2000
"""Triangles: four million candidates for two reflections."""
MOST_ROWS = 100_000
"""Of an element of a file: a usable mesh has far fewer, and a header may say anything."""
LARGEST_M = 1e5
FORM = "A mesh is a .ply file with vertex x, y, z (metres) and face vertex_indices."
TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
ENDS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
PACKAGE = "sionna"
CANYON = "rt/scenes/simple_street_canyon/meshes"
ABOVE = 1.25
TRIES = 10_000


class Property(NamedTuple):
    """One property of an element; a list has the type of its length too."""

    name: str
    type: str
    length: str = ""


class Element(NamedTuple):
    """One element of the header."""

    name: str
    number: int
    properties: list[Property]


def read_scene(name: str, scenes: int, order: int, seed: int) -> Case:
    """Return the case of a mesh: the file of that name, or `sionna`.

    Raises:
        SelectionError: if there is no such file, or it is no usable mesh.
        EnvironmentProblem: if `sionna` is asked for and not installed.
    """
    if name == PACKAGE:
        triangles = np.concatenate([read_mesh(path) for path in _installed()])
    else:
        path = Path(name)
        if not path.is_file():
            raise SelectionError(
                f"No scene is called {name!r}, and there is no such file.",
                f"{nearest(name, ('suite', PACKAGE, *SUITE))} Or give a mesh (.ply).",
            )
        triangles = read_mesh(path)
    if len(triangles) > MOST:
        raise SelectionError(
            f"{name} has {len(triangles):,} triangles.", f"Cut it to {MOST:,} at the most."
        )
    drawn = [_placed(triangles, np.random.default_rng(child(seed, TEST, at)), name)
             for at in range(scenes)]  # fmt: skip
    return make_case(Path(name).name, order, drawn, seed)


def _installed() -> list[Path]:
    """Return the meshes of the package's street canyon; the package is not imported."""
    found = importlib.util.find_spec(PACKAGE)
    for place in (found.submodule_search_locations or ()) if found else ():
        paths = sorted((Path(place) / CANYON).glob("*.ply"))
        if paths:
            return paths
    raise EnvironmentProblem(
        "The package sionna-rt is not installed, so its street canyon is not here.",
        "`pip install --no-deps sionna-rt` brings the meshes (8.5 MB); its code is not used.",
    )


def _placed(triangles: Floats, rng: np.random.Generator, name: str) -> SceneParts:
    """Return the mesh with a transmitter and a receiver outdoors."""
    low, high = triangles.min(axis=(0, 1)), triangles.max(axis=(0, 1))
    top = max(min(TX_M[1], ABOVE * float(high[2] - low[2])), TX_M[0])
    tx = _outdoors(triangles, rng, low, high, (TX_M[0], top), name)
    return triangles, tx, _outdoors(triangles, rng, low, high, RX_M, name)


def _outdoors(
    triangles: Floats,
    rng: np.random.Generator,
    low: Floats,
    high: Floats,
    height_m: tuple[float, float],
    name: str,
) -> Floats:
    for _ in range(TRIES):
        point = np.array([*rng.uniform(low[:2], high[:2]), low[2] + rng.uniform(*height_m)])
        if not _covered(triangles, point):
            return point
    raise SelectionError(
        f"Everything in {name} is under a roof: no place for an antenna was found.",
        "Give a mesh of an outdoor scene, z up, in metres.",
    )


def _covered(triangles: Floats, point: Floats) -> bool:
    """Tell whether a triangle is above a point."""
    a, b, c = (triangles[:, at] - point for at in range(3))

    def turn(p: Floats, q: Floats) -> Floats:
        found: Floats = p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]
        return found

    u, v, w = turn(b, c), turn(c, a), turn(a, b)
    over = ((u > 0) & (v > 0) & (w > 0)) | ((u < 0) & (v < 0) & (w < 0))
    total = np.where(over, u + v + w, 1.0)
    height = (u * a[:, 2] + v * b[:, 2] + w * c[:, 2]) / total
    return bool((over & (height > 0)).any())


def read_mesh(path: Path) -> Floats:
    """Return the triangles (n, 3, 3) of a PLY file.

    Raises:
        SelectionError: if it is none, or none that can be used.
    """
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise SelectionError(f"{path} cannot be read: {problem}.", FORM) from problem
    kind, elements, at = _header(data, path)
    try:
        body = data[at:]
        take = _words(body) if kind == "ascii" else _numbers(body, ENDS[kind])
        tables = _tables(elements, take)
    except (ValueError, IndexError, OverflowError, UnicodeDecodeError) as problem:
        raise SelectionError(f"{path} breaks off or is damaged: {problem}.", FORM) from problem
    return _triangles(tables, path)


def _header(data: bytes, path: Path) -> tuple[str, list[Element], int]:
    """Return the kind, the elements, and where the body begins."""
    end = data.find(b"end_header")
    at = data.find(b"\n", end) + 1
    if not data.startswith(b"ply") or end < 0 or at == 0:
        raise SelectionError(f"{path} is no PLY file: it has no header.", FORM)
    kind, elements = "", []
    for line in data[:end].decode("ascii", "replace").splitlines()[1:]:
        match line.split():
            case ["format", word, _] if word in ENDS:
                kind = word
            case ["element", name, count] if count.isdigit():
                elements.append(Element(name, int(count), []))
            case ["property", "list", length, type_, name] if elements and {length, type_} <= {
                *TYPES
            }:
                elements[-1].properties.append(Property(name, TYPES[type_], TYPES[length]))
            case ["property", type_, name] if elements and type_ in TYPES:
                elements[-1].properties.append(Property(name, TYPES[type_]))
            case [] | ["comment" | "obj_info", *_]:
                pass
            case _:
                raise SelectionError(f"{path} has a header line {line[:60]!r}.", FORM)
    if not kind:
        raise SelectionError(f"{path} does not say which format it has.", FORM)
    for element in elements:
        if element.number > MOST_ROWS:
            raise SelectionError(
                f"{path} says that it has {element.number:,} rows of {element.name[:40]!r}.",
                f"A mesh of {MOST:,} triangles has less than {MOST_ROWS:,}: cut it.",
            )
    return kind, elements, at


Tables = dict[str, list[dict[str, list[float]]]]
"""By element, row by row: the values of each property, one or a list."""


Take = Callable[[str, int], list[float]]
"""Returns so many values of a type from where the last ones ended."""


def _tables(elements: list[Element], take: Take) -> Tables:
    """Read all rows.

    Raises:
        ValueError: if a list has a negative length.
    """
    tables: Tables = {}
    for element in elements:
        rows = tables[element.name] = []
        for _ in range(element.number):
            row = {}
            for one in element.properties:
                number = int(take(one.length, 1)[0]) if one.length else 1
                if number < 0:
                    raise ValueError("a list has a negative length")
                row[one.name] = take(one.type, number)
            rows.append(row)
    return tables


def _words(body: bytes) -> Take:
    """Return what reads the numbers of an ascii file."""
    words = iter(body.decode("ascii").split())

    def take(type_: str, number: int) -> list[float]:
        found = [float(word) for word in islice(words, number)]
        if len(found) < number:
            raise ValueError("it ends too early")
        return found

    return take


def _numbers(body: bytes, order: str) -> Take:
    """Return what reads the numbers of a binary file."""
    at = 0

    def take(type_: str, number: int) -> list[float]:
        nonlocal at
        found = np.frombuffer(body, order + type_, number, at) if number else np.zeros(0)
        at += found.nbytes
        return [float(value) for value in found]

    return take


def _triangles(tables: Tables, path: Path) -> Floats:
    vertices, faces = tables.get("vertex", []), tables.get("face", [])
    if not vertices or not {"x", "y", "z"} <= {*vertices[0]}:
        raise SelectionError(f"{path} has no vertices with x, y and z.", FORM)
    points = np.array([[row["x"][0], row["y"][0], row["z"][0]] for row in vertices])
    if not np.isfinite(points).all() or np.abs(points).max() > LARGEST_M:
        raise SelectionError(f"{path} has a vertex that is not finite or beyond 100 km.", FORM)
    rows = [row.get("vertex_indices", row.get("vertex_index", [])) for row in faces]
    fans = [(row[0], row[k], row[k + 1]) for row in rows for k in range(1, len(row) - 1)]
    corners = np.array(fans, np.float64).reshape(-1, 3)
    if (
        len(corners)
        and not ((corners == np.floor(corners)) & (corners >= 0) & (corners < len(points))).all()
    ):
        raise SelectionError(f"{path} has a face with a vertex that is not there.", FORM)
    places: Ints = corners.astype(np.int64)
    triangles = points[places]
    across = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    found: Floats = triangles[np.linalg.norm(across, axis=1) > 1e-9]
    if len(found) < 2:
        raise SelectionError(f"{path} has {len(found)} triangles with an area.", FORM)
    return found
