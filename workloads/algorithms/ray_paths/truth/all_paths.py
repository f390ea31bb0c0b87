"""All paths of a case's scenes, by exhaustive enumeration, and what an answer has of them."""

from collections.abc import Sequence

import numpy as np

from adabench.workloads.algorithms.ray_paths.substrate.compiled_tracer import every_path
from adabench.workloads.algorithms.ray_paths.substrate.replay import RayPaths, Tracing
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case, Ints, Query
from adabench.workloads.shared.counting.counted_task import KnownCase, Transcript

CAPACITY = 64
"""Cases whose paths are held in a process."""
_LATEST: dict[float, tuple[Ints, ...]] = {}


def scored_task(
    cases: Sequence[Case], transcript: Transcript | None = None, *, device: str = "cpu"
) -> RayPaths:
    """Return the task of these cases, with its score."""
    return RayPaths(
        [KnownCase(case, paths_of) for case in cases],
        lambda world, answer: judge(world.case, answer, paths_of(world.case)),
        transcript,
        device=device,
    )


def paths_of(case: Case) -> tuple[Ints, ...]:
    """Return all paths of each scene, enumerated on the first call."""
    if case.instance not in _LATEST:
        if len(_LATEST) >= CAPACITY:
            _LATEST.pop(next(iter(_LATEST)))  # the oldest
        _LATEST[case.instance] = tuple(enumerate_paths(query) for query in case.queries)
    return _LATEST[case.instance]


def enumerate_paths(query: Query) -> Ints:
    """Return every path of a scene: (p, K)."""
    return every_path(query, np.zeros(2, np.int64))


def judge(case: Case, answer: Tracing, truth: tuple[Ints, ...]) -> dict[str, float]:
    """Return all values of an answer. Scenes without a path have no hit rate."""
    there = np.array([len(paths) for paths in truth])
    found = np.array([len(paths) for paths in answer.paths])
    light = there > 0
    number = np.array([query.candidates for query in case.queries])
    values = {
        "traced": float(answer.traced.mean()),
        "scene_s": float(answer.spent_s.mean()),
        "dark": float(1 - light.mean()),
        "paths": float(there.mean()),
        "possible": float(number.mean()),
        "triangles": float(np.mean([len(query.triangles) for query in case.queries])),
        "instance": case.instance,
    }
    if light.any():
        sampled = np.maximum(answer.sampled[light], 1)
        values |= {
            "hit_rate": float((found[light] / there[light]).mean()),
            "accuracy": float((answer.right[light] / sampled).mean()),
            "blind_rate": float((answer.traced[light] / number[light]).mean()),
        }
    return values
