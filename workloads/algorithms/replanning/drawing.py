"""The tree before an update, what the update breaks of it, and the tree after the repair.

Trees are those of the shortest ways on the scene's graph, computed apart from every planner
(`full_replan.py`). A planner that repairs, drained, ends with a tree of the same costs (`g_gap` in
the run says how near it came); where two ways are equally long it may hold the other one. So the
picture is of the repair that a scene asks for, not of one planner's steps.

Drawn is an update that cuts the robot's way and leaves another one: of several the one that breaks
nearest to a quarter of the tree. If none does, the one that breaks most.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adabench.harness.contract.card import Point
from adabench.harness.contract.drawing import Mark, Panel, Picture
from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints, roadmap
from adabench.workloads.algorithms.replanning.substrate.scenes import SIDE, Floats, Scene
from adabench.workloads.algorithms.replanning.substrate.world import GOAL, ROBOT
from adabench.workloads.algorithms.replanning.task import load
from adabench.workloads.algorithms.replanning.truth.full_replan import (
    CALM,
    Truth,
    edges_of,
    orphans,
    shortest_ways,
)

SUITE_SCENE = "maze"
"""Of a suite: it has walls and discs, and lies on a plane."""


@dataclass(frozen=True)
class Change:
    """One update of a scene: what is drawn of it."""

    scene: Scene
    truth: Truth
    now: int
    lost: npt.NDArray[np.bool_]
    """(m,) samples whose way of before is broken."""
    moved: npt.NDArray[np.bool_]
    """(m,) samples that have another parent afterwards."""


def picture(scale: str, seed: int, conditions: Point) -> Picture | None:
    """Draw one update of a scene; nothing where the scene has three dimensions."""
    settings: dict[str, Any] = dict(conditions)
    if settings.get("scene", "suite") == "suite":
        settings["scene"] = SUITE_SCENE
    task = load(scale, seed, **settings)
    scene = task.of(task.cases()[0]).scene
    if scene.dimensions != 2:
        return None
    change = clearest_update(scene)
    return Picture(
        f"A tree that is repaired: {scene.group}, update {change.now}",
        (_before(change), _hit(change), _after(change)),
        (0.0, 0.0, SIDE, SIDE),
        _words(change),
        scene.instance,
    )


def clearest_update(scene: Scene) -> Change:
    """Return the update to draw."""
    truth, road = shortest_ways(scene, len(scene.points)), roadmap(scene, len(scene.points))
    cuts = [
        now
        for now in range(1, 1 + scene.updates)
        if len(truth.paths[now]) and _is_cut(scene, truth, now)
    ]
    now = (
        min(cuts, key=lambda at: abs(truth.orphaned[at] - CALM))
        if cuts
        else 1 + int(np.argmax(truth.orphaned[1:]))
    )
    lost = orphans(truth.parent[now - 1], road, truth.free[now])
    moved = (truth.parent[now] != truth.parent[now - 1]) & (truth.parent[now] >= 0)
    return Change(scene, truth, now, lost, moved)


def _is_cut(scene: Scene, truth: Truth, now: int) -> bool:
    way = truth.paths[now - 1]
    road = roadmap(scene, len(scene.points))
    return bool(len(way) and not truth.free[now][edges_of(road, way[:-1], way[1:])].all())


def _before(change: Change) -> Panel:
    then = change.now - 1
    tree = change.truth.parent[then]
    marks = (
        *_obstacles(change.scene, then),
        _branches(change.scene, tree, tree >= 0, "faint", "tree of shortest ways to the goal"),
        *_ends(change, then),
    )
    return Panel(f"Before update {change.now}", marks)


def _hit(change: Change) -> Panel:
    tree = change.truth.parent[change.now - 1]
    marks = (
        *_obstacles(change.scene, change.now),
        _discs(change.scene, change.now - 1, "outline", "where obstacles were"),
        _branches(change.scene, tree, (tree >= 0) & ~change.lost, "faint"),
        _branches(change.scene, tree, (tree >= 0) & change.lost, "lost", "broken off"),
        *_ends(change, None),
    )
    return Panel(f"Update {change.now}: what breaks", marks)


def _after(change: Change) -> Panel:
    tree = change.truth.parent[change.now]
    marks = (
        *_obstacles(change.scene, change.now),
        _branches(change.scene, tree, (tree >= 0) & ~change.moved, "faint"),
        _branches(change.scene, tree, change.moved, "new", "another parent than before"),
        *_ends(change, change.now),
    )
    return Panel(f"After update {change.now}, repaired", marks)


def _obstacles(scene: Scene, now: int) -> tuple[Mark, ...]:
    walls = tuple(tuple(wall) for wall in scene.walls.tolist())
    return _discs(scene, now, "solid", "obstacles"), Mark("boxes", walls, "solid", "obstacles")


def _discs(scene: Scene, now: int, tone: Any, label: str) -> Mark:
    rows = np.column_stack([scene.centres[now, :, :2], scene.radius]).tolist()
    return Mark("discs", tuple(tuple(row) for row in rows), tone, label)


def _branches(
    scene: Scene, tree: Ints, which: npt.NDArray[np.bool_], tone: Any, label: str = ""
) -> Mark:
    """Return the edges from some samples to their parents."""
    nodes = np.flatnonzero(which)
    ends: Floats = np.hstack([scene.points[nodes, :2], scene.points[tree[nodes], :2]])
    return Mark("segments", tuple(tuple(row) for row in ends.tolist()), tone, label)


def _ends(change: Change, now: int | None) -> tuple[Mark, ...]:
    """Return the robot, the goal, and the way between them where it is asked for."""
    points = change.scene.points[:, :2]
    dots = Mark("dots", tuple(tuple(points[at].tolist()) for at in (ROBOT, GOAL)), "way",
                "robot (lower left) and goal")  # fmt: skip
    if now is None:
        return (dots,)
    way = tuple(tuple(place) for place in points[change.truth.paths[now]].tolist())
    return Mark("line", way, "way", "the robot's shortest way"), dots


def _words(change: Change) -> str:
    truth, now = change.truth, change.now
    tree = truth.parent[now - 1] >= 0
    lost, all_ = int((change.lost & tree).sum()), int(tree.sum())
    lengths = [_length(truth.g[at, ROBOT]) for at in (now - 1, now)]
    return (
        f"Update {now} of {change.scene.updates} breaks {lost:,} of {all_:,} samples off the tree "
        f"({lost / max(all_, 1):.0%}); {int(change.moved.sum()):,} have another parent once it is "
        f"repaired. The robot's way: {lengths[0]} before, {lengths[1]} after. Trees are those of "
        "shortest ways; a planner that repairs exactly ends with the same costs."
    )


def _length(cost: float) -> str:
    return f"{cost:.1f}" if np.isfinite(cost) else "none"
