"""The task object: drives a planner through a scene, counts, and scores the ways it found.

`task.py` says what is measured and why; `world.py` is what a planner sees.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import process_time
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints, Roadmap, connect
from adabench.workloads.algorithms.replanning.substrate.moving_obstacles import settle, shift, way
from adabench.workloads.algorithms.replanning.substrate.outcome import Drive
from adabench.workloads.algorithms.replanning.substrate.scenes import Floats, Scene
from adabench.workloads.algorithms.replanning.substrate.world import (
    CHECKS,
    GOAL,
    LOOKS,
    QUEUE,
    ROBOT,
    UNKNOWN,
    Counts,
    Queue,
    Space,
    Tree,
    World,
    clear,
)
from adabench.workloads.algorithms.replanning.truth.full_replan import Truth, found, judged

Plan = Callable[[Space, Floats], None]
Repair = Callable[[Space, Ints, int, Ints, int, Floats], None]


Known = TypeVar("Known")
KEPT = 32
"""Graphs and truths kept in a process: those of a suite at a few shares."""
_MAPS: dict[tuple[float, int], Roadmap] = {}
_TRUTHS: dict[tuple[float, int], Truth] = {}


@dataclass(frozen=True)
class Replanning:
    """The task: scenes, the counting space, and the score."""

    scenes: tuple[Scene, ...]
    meter: Meter = field(default_factory=Meter)
    _drives: dict[float, tuple[Drive, bytes]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def cases(self) -> tuple[Scene, ...]:
        """Return the scenes; each one's graph is built now, and not while a planner is timed."""
        for scene in self.scenes:
            self.roadmap(scene, len(scene.points))
        return self.scenes

    def roadmap(self, scene: Scene, samples: int) -> Roadmap:
        """Return the graph of the first samples of a scene."""
        return _kept(_MAPS, scene, samples, connect)

    def drive(
        self,
        scene: Scene,
        plan: Plan,
        repair: Repair,
        *,
        share: float = 1.0,
        tune: tuple[float, ...] = (),
        drained: bool = True,
        hints: bool = False,
    ) -> Drive:
        """Plan once, then move the obstacles and let the planner repair, update by update.

        `share` is the part of the samples that the planner works on; `tune` reaches it as an
        array. With `hints` it is told the best way at every update (oracles alone), in `note`.

        Raises:
            MethodContractError: if the scene is not of this task.
        """
        if not any(scene is known for known in self.scenes):
            raise MethodContractError("That scene is not a case of this task.", "Pass `case` on.")
        samples = max(round(share * len(scene.points)), 2)
        road = self.roadmap(scene, samples)
        told = self.truth(scene, samples) if hints else None
        knobs = np.array([*tune, 0.0])
        first_checks = _first(scene, road, plan, knobs)
        done = _driven(scene, road, plan, repair, knobs, told)
        answer = Drive(scene.instance, samples, drained, *done, first_checks)
        totals = answer.work[1:].sum(axis=0)
        for name, count in zip(("relaxations", "collision_checks", "heap_operations"), totals,
                               strict=True):  # fmt: skip
            self.meter[name] += int(count)
        self._drives[scene.instance] = answer, _print(answer)
        return answer

    def truth(self, scene: Scene, samples: int) -> Truth:
        """Return what is right on the graph of the first samples, computed apart from planners."""
        return _kept(_TRUTHS, scene, samples, self._found)

    def _found(self, scene: Scene, samples: int) -> Truth:
        return found(scene, self.roadmap(scene, samples))

    def score(self, scene: Scene, answer: Drive) -> dict[str, float]:
        """Judge every way found: is it free, and how long is it against the best there is.

        Raises:
            MethodContractError: if the answer is not what `drive` returned last for this scene.
        """
        known, seal = self._drives.get(scene.instance, (None, b""))
        if known is not answer or _print(answer) != seal:
            raise MethodContractError(
                "The answer is not the task's own drive of this scene.",
                "`solve` must return what `task.drive(case, ...)` returned last.",
            )
        own, best = self.truth(scene, answer.samples), self.truth(scene, len(scene.points))
        return judged(scene, self.roadmap(scene, answer.samples), answer, own, best)


def _kept(
    known: dict[tuple[float, int], Known],
    scene: Scene,
    samples: int,
    make: Callable[[Scene, int], Known],
) -> Known:
    """Return what is a pure function of a scene and a number of samples, made once."""
    key = scene.instance, samples
    if key not in known:
        if len(known) >= KEPT:
            known.pop(next(iter(known)))  # the oldest
        known[key] = make(scene, samples)
    return known[key]


def fresh(road: Roadmap, scene: Scene) -> Space:
    """Return a space in which nothing was tested and nothing planned."""
    m, e = len(road.points), len(road.target)

    def none() -> Ints:
        return np.zeros(m, np.int32)

    def costs() -> Floats:
        return np.full(m, np.inf)

    space = Space(
        road.start, road.target, road.twin, road.length, road.length.copy(),
        np.full(e, UNKNOWN, np.int8),
        World(road.points, scene.centres[0].copy(), scene.radius, scene.walls),
        costs(), costs(), Tree(none(), none(), none(), none()),
        Queue(none(), none(), np.zeros((m, 2)), np.zeros(4, np.int64)), none(), none(),
    )  # fmt: skip
    clear(space)
    return space


def _first(scene: Scene, road: Roadmap, plan: Plan, tune: Floats) -> int:
    """Return the collision checks of a plan that has to test its edges itself."""
    space = fresh(road, scene)
    plan(space, tune)
    return int(space.queue.counts[CHECKS])


def _driven(
    scene: Scene, road: Roadmap, plan: Plan, repair: Repair, tune: Floats, told: Truth | None
) -> tuple[Floats, tuple[Ints, ...], Floats, Counts, Floats]:
    space, m, rounds = fresh(road, scene), len(road.points), 1 + scene.updates
    settle(space)
    cost, g = np.empty(rounds), np.empty((rounds, m))
    work, paths = np.empty((rounds, 3), np.int64), []
    update_s = np.empty(scene.updates)
    touched, path = np.zeros(m, np.int32), np.empty(m, np.int32)
    changes = np.empty((2, len(road.target)), np.int32)
    counts = space.queue.counts
    counts[: QUEUE + 1] = 0
    for now in range(rounds):
        space.note[:] = 0
        if told is not None:
            space.note[: len(told.paths[now])] = told.paths[now]
            tune[-1] = len(told.paths[now])
        if now == 0:
            plan(space, tune)
        else:
            begun_s = process_time()
            more, less = shift(space, scene.centres[now], road.radius, touched, *changes)
            repair(space, changes[0], more, changes[1], less, tune)
            update_s[now - 1] = process_time() - begun_s
        paths.append(path[: way(space.tree, ROBOT, GOAL, path)].copy())
        cost[now], g[now] = space.g[ROBOT], space.g
        work[now] = counts[[LOOKS, CHECKS, QUEUE]]
        counts[: QUEUE + 1] = 0
    return cost, tuple(paths), g, work, update_s


def _print(answer: Drive) -> bytes:
    parts: list[npt.NDArray[np.generic]] = [
        answer.cost,
        answer.g,
        answer.work,
        answer.update_s,
        *answer.paths,
    ]
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
