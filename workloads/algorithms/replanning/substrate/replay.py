"""The task object: drives a planner through a scene, counts, and scores the ways it found.

`task.py` says what is measured and why; `world.py` is what a planner sees.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import process_time
from typing import Protocol

import numpy as np
import numpy.typing as npt

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints, Roadmap, roadmap
from adabench.workloads.algorithms.replanning.substrate.moving_obstacles import settle, shift, way
from adabench.workloads.algorithms.replanning.substrate.outcome import Drive
from adabench.workloads.algorithms.replanning.substrate.scenes import (
    Floats,
    Scene,
    generate,
    moved,
    unmoved,
)
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

Plan = Callable[[Space, Floats], None]
Repair = Callable[[Space, Ints, int, Ints, int, Floats], None]


class Reference(Protocol):
    """Who knows the best ways: the task is handed one, and no planner is."""

    def paths(self, scene: Scene, samples: int) -> tuple[Ints, ...]:
        """Return the shortest way at every update, on the graph of the first samples."""
        ...

    def values(self, scene: Scene, answer: Drive) -> dict[str, float]:
        """Return the metrics of a drive."""
        ...


@dataclass(frozen=True)
class Course:
    """A scene as a planner is given it, and as it goes on."""

    case: Scene
    """Before the first update."""
    scene: Scene


@dataclass(frozen=True)
class Replanning:
    """The task: scenes, the counting space, and the score.

    What a planner's process gets of it has no scenes: each is entered when it is to be driven. A
    planner never holds where obstacles will be, and an oracle's process alone has a reference.
    """

    scenes: tuple[Scene, ...] = ()
    reference: Reference | None = field(default=None, repr=False, compare=False)
    meter: Meter = field(default_factory=Meter)
    _courses: list[Course] = field(init=False, repr=False, compare=False)
    _drives: dict[float, tuple[Drive, bytes]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Hold what is driven apart from what is shown."""
        courses = [Course(unmoved(scene), scene) for scene in self.scenes]
        object.__setattr__(self, "_courses", courses)

    def cases(self) -> tuple[Scene, ...]:
        """Return the scenes as they are before the first update.

        Each one's graph is built now, and not while a planner is timed.
        """
        for scene in self.scenes:
            roadmap(scene, len(scene.points))
        return tuple(course.case for course in self._courses)

    def __reduce__(self) -> tuple[type["Replanning"], tuple[object, ...]]:
        """Store what has no scenes; a copy of the rest would count into a meter nobody reads."""
        if self.scenes:
            raise TypeError("a replanning task is not stored; load it from its conditions")
        return Replanning, ((), self.reference, Meter())

    def substrate(self) -> "Replanning":
        """Return what planners get: the counting space."""
        return Replanning()

    def oracle_substrate(self) -> "Replanning":
        """Return the same with the reference, which tells the best ways."""
        return Replanning(reference=self.reference)

    def environment(self, case: Scene) -> Floats:
        """Return where obstacles are at every update: (1 + updates, k, 3)."""
        return self._course(case).scene.centres

    def enter(self, case: Scene, centres: Floats) -> None:
        """Take a scene to be driven in place of the one before, and build its graph."""
        scene = moved(case, centres)
        self._courses[:] = [Course(case, scene)]
        self._drives.clear()
        roadmap(scene, len(scene.points))

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
        scene = self._course(case).scene
        samples = max(round(share * len(scene.points)), 2)
        road = roadmap(scene, samples)
        ways = self._reference().paths(scene, samples) if hints else None
        knobs = np.array([*tune, 0.0])
        first_checks = _first(scene, road, plan, knobs)
        done = _driven(scene, road, plan, repair, knobs, ways)
        answer = Drive(scene.instance, samples, drained, *done, first_checks)
        totals = answer.work[1:].sum(axis=0)
        for name, count in zip(("relaxations", "collision_checks", "heap_operations"), totals,
                               strict=True):  # fmt: skip
            self.meter[name] += int(count)
        self._drives[scene.instance] = answer, _print(answer)
        return answer

    def account(self, case: Scene, answer: Drive) -> Drive:
        """Return what came of a planner.

        Raises:
            MethodContractError: if the answer is not what `drive` returned last for this scene.
        """
        known, seal = self._drives.get(case.instance, (None, b""))
        if known is not answer or _print(answer) != seal:
            raise MethodContractError(
                "The answer is not the task's own drive of this scene.",
                "`solve` must return what `task.drive(case, ...)` returned last.",
            )
        return answer

    def judge(self, case: Scene, answer: Drive) -> dict[str, float]:
        """Judge every way found: is it free, and how long is it against the best there is."""
        return self._reference().values(self._course(case).scene, answer)

    def score(self, case: Scene, answer: Drive) -> dict[str, float]:
        """Judge a drive of this very object."""
        return self.judge(case, self.account(case, answer))

    def _course(self, case: Scene) -> Course:
        for course in self._courses:
            if course.case is case:
                return course
        raise MethodContractError("That scene is not a case of this task.", "Pass `case` on.")

    def _reference(self) -> Reference:
        if self.reference is None:
            raise MethodContractError(
                "The best ways are not known in the process of a planner.",
                "Say role='oracle' in the card if the planner is meant to be told them.",
            )
        return self.reference


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


def _print(answer: Drive) -> bytes:
    parts: list[npt.NDArray[np.generic]] = [
        answer.cost,
        answer.g,
        answer.work,
        answer.update_s,
        *answer.paths,
    ]
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
