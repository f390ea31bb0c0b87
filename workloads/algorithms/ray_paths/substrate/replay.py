"""The task object: asks a method for candidates, traces and counts them, and scores what was found.

`task.py` says what is measured and why. A method never traces: it hands over a function, and the
task runs it on one scene after another, so that all are timed alike.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import process_time

import numpy as np

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
from adabench.workloads.shared.counting.answer_ledger import Wording
from adabench.workloads.shared.counting.counted_task import KnownCase, Run, TruthTask

Propose = Callable[[Query], Ints]
"""Candidates (m, K) of one scene; a repeated one is traced once."""
Look = Callable[[Floats, int], Ints]
"""Which triangles are in view of a point, looked at how finely: (n,) of 0 and 1. Tests are counted.
"""
Prune = Callable[[Query, Look], tuple[Ints, Ints, Ints]]
"""What may come first, what last (n,), and what may follow what (n, n): 1 where it may."""

Search = Callable[[Query, Ints], tuple[Ints, int, int]]
"""Of a scene and its counts: the paths found, and how many candidates were handed over and are right."""

WORDING = Wording(
    "trace",
    foreign="The answer is not the task's own tracing of this case.",
    twice="It traces a case more than once and answers with one.",
)
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


@dataclass(frozen=True)
class RayPaths(TruthTask[Case, tuple[Ints, ...], Search, Tracing, Tracing, Tracing]):
    """The task: cases and the counting tracer. The truth about a case is all paths of each scene."""

    device: str = "cpu"
    """Where networks and tensors work; the compiled tracer is the host's."""
    wording = WORDING
    noun = "group of scenes"
    truth_name = "All paths of a scene"

    @staticmethod
    def run_in(
        world: KnownCase[Case, tuple[Ints, ...]], order: Search, *, listened: bool
    ) -> Run[Tracing, Tracing]:
        """Search one scene after another."""
        answer = _traced(world.case, order)
        added = {
            "candidates": int(answer.traced.sum()),
            "occlusion_tests": int(answer.occlusion.sum()),
            "sampled": int(answer.sampled.sum()),
        }
        return Run(answer, replace(answer), added)

    def cases(self) -> tuple[Case, ...]:
        """Return the cases; kernels are compiled and paths found now, not while one is timed."""
        self.warm()
        for case in super().cases():
            self.truth(case)
        return self.known

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

        return self.count(case, one)

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

        return self.count(case, one)

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

        return self.count(case, one)


def _traced(case: Case, search: Search) -> Tracing:
    """Search one scene after another, on the clock."""
    counts = np.zeros((len(case.queries), 2), np.int64)
    found, spent_s = [], np.zeros(len(case.queries))
    for at, query in enumerate(case.queries):
        began = process_time()
        found.append(search(query, counts[at]))
        spent_s[at] = process_time() - began
    paths, sampled, right = zip(*found, strict=True)
    return Tracing(
        case.instance, paths, np.array(sampled), np.array(right),
        counts[:, TRACED].copy(), counts[:, OCCLUSION].copy(), spent_s,
    )  # fmt: skip


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
