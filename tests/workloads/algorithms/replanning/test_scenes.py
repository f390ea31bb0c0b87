"""Scenes are pure, friendly, hostile and idle ones are there, and the graph is the disc graph."""

import sys

import numpy as np
import pytest

from adabench.cli.main import main
from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.replanning.substrate.disc_graph import connect, connection_radius
from adabench.workloads.algorithms.replanning.substrate.scenes import (
    CLEARANCE,
    CONTROLS,
    FAMILIES,
    FRIENDLY,
    HOSTILE,
    SIDE,
    generate,
)
from adabench.workloads.algorithms.replanning.task import load
from tests.suite.leaks import same_handlers


def test_every_kind_of_family_is_there():
    assert FRIENDLY
    assert HOSTILE
    assert CONTROLS
    assert {*FRIENDLY, *HOSTILE, *CONTROLS} == set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_scenes_are_pure_and_the_ends_stay_clear(family):
    one, again, other = (generate(family, 60, 5, 2.0, seed) for seed in (1, 1, 2))
    assert one.instance == again.instance != other.instance
    assert np.array_equal(one.points, again.points)
    assert one.centres.shape == (6, len(one.radius), 3)
    assert one.centres.min() >= 0
    assert one.centres.max() <= SIDE
    gaps = np.linalg.norm(one.centres[:, :, None] - one.points[:2], axis=3)
    assert (gaps > one.radius[:, None] + CLEARANCE).all()
    with pytest.raises(ValueError, match="read-only"):
        one.points[0] = 0


def test_what_stands_stands_and_what_moves_moves_as_fast_as_was_asked():
    still, moving = generate("still", 20, 5, 2.0, 0), generate("discs", 20, 5, 0.5, 0)
    assert (np.diff(still.centres, axis=0) == 0).all()
    steps = np.linalg.norm(np.diff(moving.centres, axis=0), axis=2)
    assert np.median(steps) == pytest.approx(0.5)


@pytest.mark.parametrize("family", ["discs", "balls"])
def test_the_graph_is_that_of_all_pairs_within_the_radius(family):
    scene = generate(family, 80, 1, 1.0, 3)
    road = connect(scene, 50)
    assert road.radius == connection_radius(50, scene.dimensions)
    gaps = np.linalg.norm(scene.points[:50, None] - scene.points[None, :50], axis=2)
    wanted = np.argwhere((gaps <= road.radius) & ~np.eye(50, dtype=bool))
    source = np.repeat(np.arange(50), np.diff(road.start))
    assert np.array_equal(np.stack([source, road.target], axis=1), wanted)
    assert np.array_equal(road.target[road.twin], source)
    assert np.array_equal(source[road.twin], road.target)
    assert np.allclose(road.length, gaps[source, road.target])


def test_an_unknown_family_is_refused():
    with pytest.raises(SelectionError, match="no family of scenes 'disks'"):
        load("embedded", 0, scene="disks")


@pytest.mark.parametrize(
    "setting",
    ["samples=19", "samples=0", "samples=-5", "samples=20.5", "samples=x", "updates=0", "updates=-1",
     "speed=-1", "speed=nan", "speed=inf", "scene=disks"],
)  # fmt: skip
def test_conditions_that_make_no_sense_are_refused_and_leave_no_run(
    setting, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["adabench", "run", "replanning/fmtx", "--set", setting])
    with same_handlers(), pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.strip()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_smallest_scene_is_driven():
    """Two samples: the robot and the goal, with nothing between them but obstacles."""
    scene = generate("discs", 2, 3, 1.0, 0)
    assert connect(scene, 2).start.tolist() in ([0, 0, 0], [0, 1, 2])
