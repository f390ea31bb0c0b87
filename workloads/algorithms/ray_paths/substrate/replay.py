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
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case, Floats, Ints, Query
from adabench.workloads.algorithms.ray_paths.substrate.tensor_tracer import judge_dense, trace_all

Propose = Callable[[Query], Ints]
"""Candidates (m, K) of one scene; a repeated one is traced once."""
Look = Callable[[Floats, int], Ints]
"""Which triangles are in view of a point, looked at how finely: (n,) of 0 and 1. Tests are counted.
"""
Prune = Callable[[Query, Look], tuple[Ints, Ints, Ints]]
"""What may come first, what last (n,), and what may follow what (n, n): 1 where it may."""

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
    """The task: cases, the counting tracer, and the score."""

    instances: tuple[Case, ...]
    reference: Reference = field(repr=False, compare=False)
    meter: Meter = field(default_factory=Meter)
    device: str = "cpu"
    """Where networks and tensors work; the compiled tracer is the host's."""
    _traced: dict[float, tuple[Tracing, bytes]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def cases(self) -> tuple[Case, ...]:
        """Return the cases; the kernels are compiled now, and not while a method is timed."""
        for case in self.instances:
            query = case.queries[0]
            judge(*query.scene, np.zeros((1, case.order), np.int64), np.zeros(2, np.int64))
            triangles_in_view(query.triangles, query.normals, query.tx, 1, np.zeros(2, np.int64))
            self.reference.paths(case)
        return self.instances

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
        if not any(case is known for known in self.instances):
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

    def score(self, case: Case, answer: Tracing) -> dict[str, float]:
        """Compare what was found with all there is.

        Raises:
            MethodContractError: if the answer is not what the task traced last for this case.
        """
        known, seal = self._traced.get(case.instance, (None, b""))
        if known is not answer or _print(answer) != seal:
            raise MethodContractError(
                "The answer is not the task's own tracing of this case.",
                "`solve` must return what `task.trace(case, ...)` returned last.",
            )
        return self.reference.values(case, answer)


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
