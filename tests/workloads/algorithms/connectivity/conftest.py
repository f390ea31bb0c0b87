"""What the connectivity tests share: all methods, streams made by hand, and brute force."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest

from adabench.harness.contract import registry
from adabench.workloads.algorithms.connectivity import task as connectivity
from adabench.workloads.algorithms.connectivity.substrate.replay import Connectivity
from adabench.workloads.algorithms.connectivity.substrate.update_streams import (
    Raw,
    Stream,
    make_stream,
)

FOLDER = Path(connectivity.__file__).parent


@pytest.fixture(scope="session")
def methods() -> dict[str, ModuleType]:
    """Every method of the folder, by name."""
    return {
        entry.name: registry.load(entry)
        for entry in registry.methods("connectivity").values()
        if entry.path.is_relative_to(FOLDER) and entry.name != "dropped_by_a_test"
    }


@pytest.fixture(scope="session")
def run(methods: dict[str, ModuleType]) -> Callable[..., list[dict[str, float]]]:
    """A function that runs a method on all cases of a task and returns their values."""

    def values(name: str, task: Connectivity, **point: str) -> list[dict[str, float]]:
        method = methods[name]
        at = {**method.CARD.defaults, **point}
        state = method.prepare(task, at, 0) if hasattr(method, "prepare") else task
        seen = []
        for case in task.cases():
            task.meter.clear()
            answer = method.solve(state, case, at)
            seen.append({**task.meter, **task.score(case, answer)})
        return seen

    return values


def stream_of(changes: list[tuple[int, int, int]], n: int, seed: int = 0) -> Stream:
    """Return the stream of (u, v, 1 or -1) in order; deletions take the pair's latest edge."""
    opens, edges, number, made = [], [], {}, 0
    for u, v, change in changes:
        if change == 1:
            number[u, v] = made
            made += 1
        opens.append(change == 1)
        edges.append(number[u, v])
    left, right = np.array([(u, v) for u, v, _ in changes], np.int32).T
    raw = Raw(
        np.array(opens, np.uint8), np.array(edges, np.int32), left, right, np.zeros_like(left)
    )
    return make_stream("given", n, raw, seed)


def random_changes(rng: np.random.Generator, n: int, horizon: int) -> list[tuple[int, int, int]]:
    """Return random insertions and deletions of pairs below n; a pair is there once at most."""
    live: list[tuple[int, int]] = []
    changes = []
    for _ in range(horizon):
        u = int(rng.integers(n))
        v = (u + int(rng.integers(1, n))) % n
        pair = (min(u, v), max(u, v))
        if live and (pair in live or rng.random() < 0.45):
            gone = live.pop(int(rng.integers(len(live))))
            changes.append((*gone, -1))
        else:
            live.append(pair)
            changes.append((*pair, 1))
    return changes


def brute_force(stream: Stream) -> list[bool]:
    """Answer every query by merging sets of the live edges, from the beginning each time."""
    live: dict[int, tuple[int, int]] = {}
    found = []
    for t in range(stream.horizon):
        if stream.opens[t]:
            live[int(stream.edges[t])] = int(stream.left[t]), int(stream.right[t])
        else:
            del live[int(stream.edges[t])]
        name = list(range(stream.n))
        for u, v in live.values():
            if name[u] != name[v]:
                old, new = name[u], name[v]
                name = [new if one == old else one for one in name]
        found.append(name[stream.query_left[t]] == name[stream.query_right[t]])
    return found


class Made(NamedTuple):
    """What tests make streams of, and hold answers against."""

    stream_of: Callable[..., Stream] = stream_of
    random_changes: Callable[..., list[tuple[int, int, int]]] = random_changes
    brute_force: Callable[[Stream], list[bool]] = brute_force


@pytest.fixture(scope="session")
def made() -> Made:
    """The functions above: test files do not import each other."""
    return Made()
