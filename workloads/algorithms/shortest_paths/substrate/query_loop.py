"""The loop over all pairs, with a method's answer inlined, and the one call that prepares.

    answer(graph, index, space, inner, epoch, s, t) -> length

is a method's hook. `graph` is the whole graph, `index` what its `prepare` made, `space` and
`inner` are room for searches (`inner` among the vertices of the index, if it asked for that).
The loop owns the pairs, the room and the ledger; a hook sees one pair at a time and cannot
time, skip or repeat one.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, cast

from adabench.workloads.algorithms.shortest_paths.substrate.kernels import (
    Counts,
    Graph,
    Ints,
    Marks,
    Space,
    room,
)
from adabench.workloads.shared.compiled.hooks import bound
from adabench.workloads.shared.compiled.kernels import cached, compiled

Hook = Callable[..., int]
Builder = Callable[..., Any]


def answer(graph: Graph, index: Any, space: Space, inner: Space, epoch: int, s: int, t: int) -> int:
    """Stand for a method's hook in the loop below; `engine` binds the name to a real one."""
    raise NotImplementedError


def _ask(
    starts: Ints,
    heads: Ints,
    index: Any,
    inner_vertices: int,
    pairs: Ints,
    answers: Ints,
    ledger: Counts,
    queried: Marks,
) -> None:
    """Answer `pairs` (q, 2) into `answers` (q,); add to `ledger` (3,) and `queried` (n,)."""
    graph = Graph(starts, heads, ledger)
    space = room(len(starts) - 1)
    inner = room(inner_vertices)
    for i in range(len(pairs)):
        answers[i] = answer(graph, index, space, inner, i + 1, pairs[i, 0], pairs[i, 1])
    queried |= space.queried


@cache
def engine(hook: Hook) -> Callable[..., None]:
    """Return the loop with this hook inlined: compiled now, or found on disk."""
    return cast(Callable[..., None], cached(bound(_ask, answer=hook)))


@compiled
def open_graph(starts: Ints, heads: Ints, ledger: Counts) -> tuple[Graph, Space]:
    """Return a graph and room as builders take them."""
    return Graph(starts, heads, ledger), room(len(starts) - 1)
