"""Scenes are pure, every kind of family is there, and meshes are read or refused in a sentence."""

import struct

import numpy as np
import pytest

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.algorithms.ray_paths.substrate import mesh_reader
from adabench.workloads.algorithms.ray_paths.substrate.scenes import (
    CONTROLS,
    FAMILIES,
    FRIENDLY,
    HOSTILE,
    SUITE,
    generate,
    make_case,
)
from adabench.workloads.algorithms.ray_paths.task import load
from adabench.workloads.algorithms.ray_paths.training.train_flow_matching import training_scene


def test_every_kind_of_family_is_there():
    assert all((FRIENDLY, HOSTILE, CONTROLS))
    assert {*FRIENDLY, *HOSTILE, *CONTROLS} == {*SUITE} <= {*FAMILIES}
    assert [case.group for case in load("embedded", 0, scenes=2).cases()] == [*SUITE]


@pytest.mark.parametrize("family", FAMILIES)
def test_scenes_are_pure(family):
    one, again, other = (generate(family, 3, 2, seed) for seed in (1, 1, 2))
    assert one.instance == again.instance != other.instance
    for a, b in zip(one.queries, again.queries, strict=True):
        assert np.array_equal(a.triangles, b.triangles)
        assert np.allclose(np.linalg.norm(a.normals, axis=1), 1)
    with pytest.raises(ValueError, match="read-only"):
        one.queries[0].triangles[0] = 0


def test_a_street_has_at_most_62_triangles_and_always_its_floor():
    queries = generate("street", 40, 2, 0).queries
    sizes = [len(query.triangles) for query in queries]
    assert max(sizes) <= 62
    assert min(sizes) < 40
    assert all((query.triangles[:2, :, 2] == 0).all() for query in queries)
    assert all(max(abs(query.tx[1]), abs(query.rx[1])) <= 7.5 for query in queries)


def test_no_test_scene_is_a_training_scene():
    tests = {
        query.tx.tobytes() for seed in range(4) for query in generate("street", 50, 2, seed).queries
    }
    trained = {
        training_scene(seed, number, 2).tx.tobytes() for seed in range(4) for number in range(100)
    }
    assert not tests & trained


ASCII = """ply
format ascii 1.0
comment a floor and a wall
element vertex 6
property float x
property float y
property float z
element face {faces}
property list uchar int vertex_indices
end_header
0 0 0
40 0 0
40 40 0
0 40 0
40 0 10
40 40 10
4 0 1 2 3
4 1 2 5 4
"""

NAN_LENGTH = """ply
format ascii 1.0
element face 1
property list float int vertex_indices
end_header
nan 1
"""


def test_ascii_and_binary_meshes_are_the_same(tmp_path):
    text = tmp_path / "a.ply"
    text.write_text(ASCII.format(faces=2))
    head, body = ASCII.format(faces=2).split("end_header\n")
    rows = [line.split() for line in body.splitlines()]
    for kind, order in (("binary_little_endian", "<"), ("binary_big_endian", ">")):
        data = b"".join(struct.pack(f"{order}3f", *map(float, row)) for row in rows[:6])
        data += b"".join(struct.pack(f"{order}B4i", *map(int, row)) for row in rows[6:])
        binary = tmp_path / f"{kind}.ply"
        binary.write_bytes(head.replace("ascii", kind).encode() + b"end_header\n" + data)
        assert np.array_equal(mesh_reader.read_mesh(binary), mesh_reader.read_mesh(text))
    assert mesh_reader.read_mesh(text).shape == (4, 3, 3)
    (case,) = load("embedded", 0, scenes=3, scene=str(text)).cases()
    assert case.group == "a.ply"
    assert len({query.tx.tobytes() for query in case.queries}) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no PLY file"),
        ("ply\n", "no header"),
        ("ply\nformat ascii 1.0\nend_header", "no header"),
        ("solid stl\nend_header\n", "no PLY file"),
        ("ply\nelement vertex 1\nproperty float x\nend_header\n0\n", "which format"),
        ("ply\nformat ascii 1.0\nelement vertex -3\nend_header\n", "header line"),
        ("ply\nformat ascii 1.0\nelement vertex 1\nproperty quad x\nend_header\n", "header line"),
        (NAN_LENGTH, "damaged"),
        ("ply\nformat ascii 1.0\nend_header\n", "no vertices"),
        (ASCII.format(faces=2).replace("4 1 2 5 4", "4 1 2 9 4"), "not there"),
        (ASCII.format(faces=2).replace("4 1 2 5 4", "4 1 2 -1 4"), "not there"),
        (ASCII.format(faces=2).replace("40 40 10", "40 nan 10"), "not finite"),
        (ASCII.format(faces=2).replace("40 40 10", "40 1e9 10"), "100 km"),
        (ASCII.format(faces=2).replace("40 40 10", "40 forty 10"), "damaged"),
        (ASCII.format(faces=9), "breaks off"),
        (ASCII.format(faces=999999999999), "says that it has 999,999,999,999 rows of 'face'"),
        ("ply\nformat ascii 1.0\nelement vertex 100000000000\nend_header\n", "rows of 'vertex'"),
        (ASCII.format(faces=2).replace("4 1 2 5 4", "2 1 2").replace("4 0 1 2 3", "2 0 1"), "0 triangles"),
    ],
)  # fmt: skip
def test_a_damaged_mesh_is_refused_in_a_sentence(tmp_path, text, says):
    path = tmp_path / "bad.ply"
    path.write_text(text)
    with pytest.raises(SelectionError, match=says):
        load("embedded", 0, scenes=2, scene=str(path))


def test_a_truncated_binary_mesh_is_refused(tmp_path):
    path = tmp_path / "cut.ply"
    head = ASCII.format(faces=2).split("end_header\n")[0].replace("ascii", "binary_little_endian")
    path.write_bytes(head.encode() + b"end_header\n" + bytes(20))
    with pytest.raises(SelectionError, match="breaks off"):
        load("embedded", 0, scene=str(path))


def test_an_indoor_mesh_and_unknown_words_are_refused(tmp_path, monkeypatch):
    room = tmp_path / "room.ply"
    room.write_text(ASCII.format(faces=3).replace("4 1 2 5 4", "4 1 2 5 4\n4 6 7 8 9")
                    .replace("vertex 6", "vertex 10")
                    .replace("40 40 10\n", "40 40 10\n-1 -1 90\n99 -1 90\n99 99 90\n-1 99 90\n"))  # fmt: skip
    with pytest.raises(SelectionError, match="under a roof"):
        monkeypatch.setattr(mesh_reader, "TRIES", 20)
        monkeypatch.setattr(mesh_reader, "_covered", lambda triangles, point: True)
        load("embedded", 0, scenes=1, scene=str(room))
    with pytest.raises(SelectionError, match="No scene is called 'stret'"):
        load("embedded", 0, scene="stret")


def test_the_packages_canyon_is_asked_for_by_name(monkeypatch):
    monkeypatch.setattr(mesh_reader.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EnvironmentProblem, match="not installed"):
        load("embedded", 0, scene="sionna")


def test_the_packages_canyon_is_read_where_it_is_installed():
    try:
        task = load("embedded", 0, scenes=2, scene="sionna")
    except EnvironmentProblem:
        pytest.skip("sionna-rt is not installed")
    (case,) = task.cases()
    assert case.group == "sionna"
    assert {len(query.triangles) for query in case.queries} == {74}


def test_antennas_stand_outdoors():
    house = mesh_reader._covered
    roof = np.array([[[0, 0, 5], [9, 0, 5], [0, 9, 5.0]]])
    assert house(roof, np.array([1.0, 1, 1]))
    assert not house(roof, np.array([1.0, 1, 6]))
    assert not house(roof, np.array([8.0, 8, 1]))


def test_a_case_has_the_hash_of_its_content():
    drawn = [(query.triangles, query.tx, query.rx) for query in generate("yard", 2, 2, 0).queries]
    moved = [(a, tx + 1e-9, rx) for a, tx, rx in drawn]
    assert make_case("x", 2, drawn).instance == generate("yard", 2, 2, 0).instance
    assert make_case("x", 2, moved).instance != make_case("x", 2, drawn).instance
    assert make_case("x", 1, drawn).instance != make_case("x", 2, drawn).instance
