"""The task object: drives a planner through a scene, counts, and scores the ways it found.

`task.py` says what is measured and why; `world.py` is what a planner sees.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import process_time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints, Roadmap, roadmap
from adabench.workloads.algorithms.replanning.substrate.moving_obstacles import settle, shift, way
from adabench.workloads.algorithms.replanning.substrate.scenes import Floats, Scene, generate
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
from adabench.workloads.shared.counting.answer_ledger import Wording
from adabench.workloads.shared.counting.counted_task import CountedTask, Run


@dataclass(frozen=True, eq=False)
class Drive:
    """What came of one planner in one scene; row 0 is before the first update."""

    instance: float
    samples: int
    drained: bool
    """Whether every sample's cost is claimed to be right, and not the robot's alone."""
    cost: Floats
    """(1 + updates,) the robot's, by the planner's own account."""
    paths: tuple[Ints, ...]
    """The samples from the robot to the goal; empty where none was found."""
    g: Floats
    """(1 + updates, m)"""
    work: npt.NDArray[np.int64]
    """(1 + updates, 3) relaxations, collision checks and heap operations."""
    update_s: Floats
    """(updates,) CPU seconds of each update: the tests of edges near obstacles, and the repair."""
    first_checks: int
    """Collision checks of a first plan in a world where no edge was tested yet."""


Plan = Callable[[Space, Floats], None]
Repair = Callable[[Space, Ints, int, Ints, int, Floats], None]


Paths = Callable[[Scene, int], tuple[Ints, ...]]
"""The shortest way at every update, on the graph of a scene's first so many samples."""

WORDING = Wording(
    "drive",
    foreign="The answer is not the task's own drive of this scene.",
    twice="It drives through a scene more than once and answers with one.",
)


class Course(NamedTuple):
    """A scene as a planner is given it, and as it goes on."""

    case: Scene
    """Before the first update."""
    scene: Scene
    paths: Paths | None = None
    """Where the best ways are known."""


class Order(NamedTuple):
    """A planner and what it asked `drive` for."""

    plan: Plan
    repair: Repair
    share: float
    tune: tuple[float, ...]
    drained: bool
    hints: bool


class Replanning(CountedTask[Scene, Course, Order, Drive, Drive, Drive]):
    """The task: scenes and the counting space. A planner never holds where obstacles will be."""

    wording = WORDING
    noun = "scene"

    @staticmethod
    def case_of(world: Course) -> Scene:
        """Return the scene as it is before the first update."""
        return world.case

    @staticmethod
    def run_in(world: Course, order: Order, *, listened: bool) -> Run[Drive, Drive]:
        """Plan once, then move the obstacles and let the planner repair, update by update.

        Raises:
            MethodContractError: if it asks for the best way where that is not known.
        """
        scene = world.scene
        samples = max(round(order.share * len(scene.points)), 2)
        road = roadmap(scene, samples)
        ways = _best_ways(world, samples) if order.hints else None
        knobs = np.array([*order.tune, 0.0])
        first_checks = _first(scene, road, order.plan, knobs)
        done = _driven(scene, road, order.plan, order.repair, knobs, ways)
        answer = Drive(scene.instance, samples, order.drained, *done, first_checks)
        names = "relaxations", "collision_checks", "heap_operations"
        totals = map(int, answer.work[1:].sum(axis=0))
        return Run(answer, replace(answer), dict(zip(names, totals, strict=True)))

    @staticmethod
    def revealed(world: Course, *, oracle: bool) -> Course:
        """Return where obstacles go, update by update; the best ways for oracles alone."""
        return world if oracle else world._replace(paths=None)

    @staticmethod
    def entered(world: Course) -> Course:
        """Build the graph here, where no clock runs."""
        roadmap(world.scene, len(world.scene.points))
        return world

    def cases(self) -> tuple[Scene, ...]:
        """Return the scenes as they are before the first update, their graphs built."""
        for case in super().cases():
            self.entered(self.of(case))
        return self.known

    def warm(self) -> None:
        """Load the kernels that drive every planner."""
        scene = generate("discs", 20, 1, 1.0, 0)
        _driven(scene, roadmap(scene, 20), _no_plan, _no_repair, np.zeros(1), None)

    def shape(self, case: Scene) -> str:
        """Return what a planner's own graph, built in its first drive, is of: this very scene."""
        return f"{case.instance:.0f}"

    def drive(
        self,
        case: Scene,
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
            MethodContractError: if the scene is not of this task, or the best way is not known.
        """
        return self.count(case, Order(plan, repair, share, tune, drained, hints))


def _best_ways(course: Course, samples: int) -> tuple[Ints, ...]:
    if course.paths is None:
        raise MethodContractError(
            "The best ways are not known in the process of a planner.",
            "Say role='oracle' in the card if the planner is meant to be told them.",
        )
    return course.paths(course.scene, samples)


def _no_plan(space: Space, tune: Floats) -> None:
    """Stand for a planner that does nothing."""


def _no_repair(
    space: Space, blocked: Ints, more: int, freed: Ints, less: int, tune: Floats
) -> None:
    """Stand for a repair that does nothing."""


def blank_space(road: Roadmap, scene: Scene) -> Space:
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
    space = blank_space(road, scene)
    plan(space, tune)
    return int(space.queue.counts[CHECKS])


def _driven(
    scene: Scene,
    road: Roadmap,
    plan: Plan,
    repair: Repair,
    tune: Floats,
    ways: tuple[Ints, ...] | None,
) -> tuple[Floats, tuple[Ints, ...], Floats, Counts, Floats]:
    space, m, rounds = blank_space(road, scene), len(road.points), 1 + scene.updates
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
        if ways is not None:
            space.note[: len(ways[now])] = ways[now]
            tune[-1] = len(ways[now])
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
