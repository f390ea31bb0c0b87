"""The picture is of the recorded instance: what breaks is broken, what is drawn is there."""

import sys
from itertools import pairwise

import numpy as np
import pytest

from adabench.cli.main import main
from adabench.harness.contract.drawing import check_picture
from adabench.workloads.algorithms.replanning.drawing import clearest_update, picture
from adabench.workloads.algorithms.replanning.substrate.disc_graph import roadmap
from adabench.workloads.algorithms.replanning.substrate.scenes import generate
from adabench.workloads.algorithms.replanning.substrate.world import GOAL, ROBOT
from adabench.workloads.algorithms.replanning.task import load
from tests.suite.leaks import same_handlers

from .conftest import whole_scene

SMALL = {"samples": 200, "updates": 6, "speed": 3.0}


def marks(drawn, panel, tone, kind="segments"):
    found = [m for m in drawn.panels[panel].marks if (m.tone, m.kind) == (tone, kind)]
    return [place for mark in found for place in mark.places]


def test_it_is_a_pure_function_of_the_instance():
    one, again, other = (picture("embedded", seed, SMALL) for seed in (1, 1, 2))
    assert one == again != other
    assert one.instance == generate("maze", 200, 6, 3.0, 1).instance
    assert check_picture(one) is one


@pytest.mark.parametrize("scene", ["suite", "discs", "crowd", "storm"])
def test_what_is_lost_hangs_below_a_blocked_edge(scene):
    conditions = {**SMALL, "scene": scene}
    drawn = picture("embedded", 0, conditions)
    task = load("embedded", 0, **{**conditions, "scene": "maze" if scene == "suite" else scene})
    change = clearest_update(whole_scene(task))
    free = change.truth.free[change.now]
    road = roadmap(change.scene, 200)
    tree = change.truth.parent[change.now - 1]

    def hangs(node):
        """Walk up to the goal, edge by edge: an independent way to tell who is an orphan."""
        while node != GOAL:
            up = int(tree[node])
            edges = range(road.start[node], road.start[node + 1])
            (edge,) = (e for e in edges if road.target[e] == up)
            if not free[edge]:
                return False
            node = up
        return True

    nodes = [node for node in range(200) if tree[node] >= 0]
    assert [bool(change.lost[node]) for node in nodes] == [not hangs(node) for node in nodes]
    assert change.lost.any()
    assert len(marks(drawn, 1, "lost")) == sum(not hangs(node) for node in nodes)
    assert len(marks(drawn, 1, "faint")) == sum(hangs(node) for node in nodes)


def test_the_tree_after_is_whole_and_its_way_is_drawn():
    drawn = picture("embedded", 0, SMALL)
    task = load("embedded", 0, **SMALL, scene="maze")
    scene = whole_scene(task)
    change = clearest_update(scene)
    reached = np.isfinite(change.truth.g[change.now]).sum() - 1
    assert len(marks(drawn, 2, "faint")) + len(marks(drawn, 2, "new")) == reached
    way = marks(drawn, 2, "way", "line")
    assert way[0] == tuple(scene.points[ROBOT, :2])
    assert way[-1] == tuple(scene.points[GOAL, :2])
    length = sum(np.hypot(u - x, v - y) for (x, y), (u, v) in pairwise(way))
    assert length == pytest.approx(change.truth.g[change.now, ROBOT])


def test_an_update_that_cuts_the_way_is_preferred():
    task = load("embedded", 0, **SMALL, scene="crowd")
    change = clearest_update(whole_scene(task))
    assert change.lost[ROBOT]


def test_a_still_scene_loses_nothing_and_three_dimensions_are_not_drawn():
    assert marks(picture("embedded", 0, {**SMALL, "scene": "still"}), 1, "lost") == []
    assert picture("embedded", 0, {**SMALL, "scene": "balls"}) is None


def test_the_report_of_a_run_shows_it(tmp_path, monkeypatch):
    sets = ["--set", "samples=120", "--set", "updates=4", "--set", "scene=discs"]
    run = ["run", "replanning/fmtx", "--no-sweep", "--seeds", "0..1", *sets]
    monkeypatch.setattr(sys, "argv", ["adabench", *run, "-o", str(tmp_path / "run")])
    with same_handlers(), pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert page.count('<figure class="picture">') == 1
    assert "No picture" not in page
    assert "seed 0, speed 1.0, samples 120" in page
