"""The task object: asks a method for candidates, traces and counts them, and scores what was found.

`task.py` says what is measured and why. A method never traces: it hands over a function, and the
task runs it on one scene after another, so that all are timed alike.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import process_time
from typing import Protocol

import numpy as np

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.ray_paths.substrate.compiled_tracer import (
    OCCLUSION,
    TRACED,
    exhaust,
    judge,
    triangles_in_view,
)
from adabench.workloads.algorithms.ray_paths.substrate.scenes import (
    Case,
    Floats,
    Ints,
    Query,
    make_query,
)
from adabench.workloads.algorithms.ray_paths.substrate.tensor_tracer import judge_dense, trace_all

Propose = Callable[[Query], Ints]
"""Candidates (m, K) of one scene; a repeated one is traced once."""
Look = Callable[[Floats, int], Ints]
"""Which triangles are in view of a point, looked at how finely: (n,) of 0 and 1. Tests are counted.
"""
Prune = Callable[[Query, Look], tuple[Ints, Ints, Ints]]
"""What may come first, what last (n,), and what may follow what (n, n): 1 where it may."""

TINY = np.eye(3)[None], np.zeros(3), np.ones(3)
"""A triangle and two points: all that is needed to compile."""
CHUNK_ON_DEVICE = 1 << 16
"""Candidates at once there, at least: smaller batches leave a device idle."""


@dataclass(frozen=True, eq=False)
class Tracing:
    """What came of one method on one case, scene by scene."""

    instance: float
    paths: tuple[Ints, ...]
    """(p, K) the valid ones, each once."""
    sampled: Ints
    """Candidates handed over, repeats included."""
    right: Ints
    """Those of them that are paths, repeats included."""
    traced: Ints
    occlusion: Ints
    spent_s: Floats
    """CPU time of each scene: proposing and tracing."""


class Reference(Protocol):
    """Who knows all paths: the task is handed one, and no search is."""

    def paths(self, case: Case) -> tuple[Ints, ...]:
        """Return all paths of each scene."""
        ...

    def values(self, case: Case, answer: Tracing) -> dict[str, float]:
        """Compare what was found with all there is."""
        ...


@dataclass(frozen=True)
class RayPaths:
    """The task: cases, the counting tracer, and the score.

    What a method's process gets of it has no cases and no reference: each case is entered when its
    paths are to be found.
    """

    instances: tuple[Case, ...] = ()
    reference: Reference | None = field(default=None, repr=False, compare=False)
    meter: Meter = field(default_factory=Meter)
    device: str = "cpu"
    """Where networks and tensors work; the compiled tracer is the host's."""
    _known: list[Case] = field(init=False, repr=False, compare=False)
    _told: dict[float, tuple[Ints, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """All paths by instance: in the process of an oracle."""
    _traced: dict[float, tuple[Tracing, bytes]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Know the cases."""
        object.__setattr__(self, "_known", list(self.instances))

    def cases(self) -> tuple[Case, ...]:
        """Return the cases; kernels are compiled and paths found now, not while one is timed."""
        self.warm()
        for case in self.instances:
            self.truth(case)
        return self.instances

    def __reduce__(self) -> tuple[type["RayPaths"], tuple[object, ...]]:
        """Store what has no cases; a copy of the rest would count into a meter nobody reads."""
        if self.instances:
            raise TypeError("a ray-path task is not stored; load it from its conditions")
        return RayPaths, ((), None, Meter(), self.device)

    def substrate(self) -> "RayPaths":
        """Return what methods get: the counting tracer."""
        return RayPaths(device=self.device)

    oracle_substrate = substrate

    def oracle_environment(self, case: Case) -> tuple[Ints, ...]:
        """Return what oracles are told of a case: all paths of each scene."""
        return self.truth(case)

    def enter(self, case: Case, paths: tuple[Ints, ...] | None) -> None:
        """Take a case to be traced in place of the one before; oracles get its paths."""
        self._known[:] = [case]
        self._traced.clear()
        self._told.clear()
        if paths is not None:
            self._told[case.instance] = paths

    def warm(self) -> None:
        """Load the compiled tracer; networks are small and each method reads its own."""
        query, counts = make_query(*TINY, 1), np.zeros(2, np.int64)
        one = np.ones(len(query.triangles), np.int64)
        judge(*query.scene, np.zeros((1, 1), np.int64), counts)
        triangles_in_view(query.triangles, query.normals, query.tx, 1, counts)
        exhaust(*query.scene, 1, one, one, one[:, None], counts)

    def shape(self, case: Case) -> str:
        """Return what a device loads kernels for: how many triangles a family has."""
        return "" if self.device == "cpu" else case.group

    def trace(self, case: Case, propose: Propose) -> Tracing:
        """Ask for candidates and trace them, one scene after another.

        Raises:
            MethodContractError: if the case is not of this task, or a candidate is none.
        """

        def one(query: Query, counts: Ints) -> tuple[Ints, int, int]:
            offered = _candidates(query, propose(query))
            distinct, back = np.unique(offered, axis=0, return_inverse=True)
            if self.device == "cpu":
                valid = judge(*query.scene, distinct, counts)
            else:
                valid = judge_dense(query, distinct, counts, self.device).astype(np.int64)
            return distinct[valid == 1], len(offered), int(valid[back.ravel()].sum())

        return self._run(case, one)

    def enumerate(self, case: Case, prune: Prune) -> Tracing:
        """Trace all candidates that pruning leaves, in one compiled loop a scene.

        Raises:
            MethodContractError: if the case is not of this task.
        """

        def one(query: Query, counts: Ints) -> tuple[Ints, int, int]:
            def look(point: Floats, fine: int) -> Ints:
                return triangles_in_view(query.triangles, query.normals, point, fine, counts)

            first, last, facing = prune(query, look)
            paths = exhaust(*query.scene, query.order, first, last, facing, counts)
            return paths, int(counts[TRACED]), len(paths)

        return self._run(case, one)

    def enumerate_dense(self, case: Case, chunk: int) -> Tracing:
        """Trace all candidates in tensors, `chunk` at a time, with no test left out.

        On a device at least `CHUNK_ON_DEVICE` at a time.

        Raises:
            MethodContractError: if the case is not of this task.
        """
        batch = chunk if self.device == "cpu" else max(chunk, CHUNK_ON_DEVICE)

        def one(query: Query, counts: Ints) -> tuple[Ints, int, int]:
            paths = trace_all(query, batch, counts, self.device)
            return paths, int(counts[TRACED]), len(paths)

        return self._run(case, one)

    def _run(self, case: Case, one: Callable[[Query, Ints], tuple[Ints, int, int]]) -> Tracing:
        if not any(case is known for known in self._known):
            raise MethodContractError("That is not a case of this task.", "Pass `case` on.")
        counts = np.zeros((len(case.queries), 2), np.int64)
        found, spent_s = [], np.zeros(len(case.queries))
        for at, query in enumerate(case.queries):
            began = process_time()
            found.append(one(query, counts[at]))
            spent_s[at] = process_time() - began
        paths, sampled, right = zip(*found, strict=True)
        answer = Tracing(
            case.instance, paths, np.array(sampled), np.array(right),
            counts[:, TRACED].copy(), counts[:, OCCLUSION].copy(), spent_s,
        )  # fmt: skip
        self.meter["candidates"] += int(answer.traced.sum())
        self.meter["occlusion_tests"] += int(answer.occlusion.sum())
        self.meter["sampled"] += int(answer.sampled.sum())
        self._traced[case.instance] = answer, _print(answer)
        return answer

    def account(self, case: Case, answer: Tracing) -> Tracing:
        """Return what came of a method.

        Raises:
            MethodContractError: if the answer is not what the task traced last for this case.
        """
        known, seal = self._traced.get(case.instance, (None, b""))
        if known is not answer or _print(answer) != seal:
            raise MethodContractError(
                "The answer is not the task's own tracing of this case.",
                "`solve` must return what `task.trace(case, ...)` returned last.",
            )
        return answer

    def judge(self, case: Case, answer: Tracing) -> dict[str, float]:
        """Compare what was found with all there is."""
        return self._reference().values(case, answer)

    def score(self, case: Case, answer: Tracing) -> dict[str, float]:
        """Judge a tracing of this very object."""
        return self.judge(case, self.account(case, answer))

    def truth(self, case: Case) -> tuple[Ints, ...]:
        """Return all paths of each scene: for oracles. The check refuses others that name it.

        Raises:
            MethodContractError: in the process of any other method, where they are not known.
        """
        told = self._told.get(case.instance)
        return self._reference().paths(case) if told is None else told

    def _reference(self) -> Reference:
        if self.reference is None:
            raise MethodContractError(
                "All paths of a scene are not known in the process of a search.",
                "Say role='oracle' in the card if the method is meant to be told them.",
            )
        return self.reference


def _candidates(query: Query, offered: Ints) -> Ints:
    """Return the candidates as they must be.

    Raises:
        MethodContractError: if they are no rows of K triangles of the scene.
    """
    rows = np.asarray(offered)
    if rows.ndim != 2 or rows.shape[1] != query.order or rows.dtype.kind not in "iu":
        raise MethodContractError(
            f"Candidates of shape {rows.shape} and type {rows.dtype} were proposed.",
            f"Propose integers of shape (m, {query.order}).",
        )
    if len(rows) and not 0 <= rows.min() <= rows.max() < len(query.triangles):
        raise MethodContractError(
            "A candidate names a triangle that is not in the scene.",
            f"Triangles are 0 to {len(query.triangles) - 1}.",
        )
    return np.ascontiguousarray(rows, np.int64)


def _print(answer: Tracing) -> bytes:
    parts = [answer.sampled, answer.right, answer.traced, answer.occlusion, *answer.paths]
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
