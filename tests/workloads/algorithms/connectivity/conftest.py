"""What the connectivity tests share: streams made by hand, and brute force."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from adabench.workloads.algorithms.connectivity.substrate.update_streams import (
    Raw,
    Stream,
    make_stream,
)


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
