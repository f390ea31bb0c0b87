"""All paths of a case's scenes, by exhaustive enumeration, and what an answer has of them."""

import numpy as np

from adabench.workloads.algorithms.ray_paths.substrate.compiled_tracer import exhaust
from adabench.workloads.algorithms.ray_paths.substrate.replay import Tracing
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case, Ints, Query

CAPACITY = 64
"""Cases whose paths are held in a process."""
_LATEST: dict[float, tuple[Ints, ...]] = {}


class AllPaths:
    """The task's reference: every path there is."""

    def paths(self, case: Case) -> tuple[Ints, ...]:
        """Return all paths of each scene."""
        return paths_of(case)

    def values(self, case: Case, answer: Tracing) -> dict[str, float]:
        """Compare what was found with all there is."""
        return judge(case, answer, paths_of(case))


def paths_of(case: Case) -> tuple[Ints, ...]:
    """Return all paths of each scene, enumerated on the first call."""
    if case.instance not in _LATEST:
        if len(_LATEST) >= CAPACITY:
            _LATEST.pop(next(iter(_LATEST)))  # the oldest
        _LATEST[case.instance] = tuple(enumerate_paths(query) for query in case.queries)
    return _LATEST[case.instance]


def enumerate_paths(query: Query) -> Ints:
    """Return every path of a scene: (p, K)."""
    n = len(query.triangles)
    one, apart = np.ones(n, np.int64), 1 - np.eye(n, dtype=np.int64)
    return exhaust(*query.scene, query.order, one, one, apart, np.zeros(2, np.int64))


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
