"""How the kernels of this task are compiled, and what they count with.

`compiled` is for the parts of this folder, `hook` for what a method hands in. Both end up in
one machine-code loop over all pairs (`query_loop.py`), so nothing here measures an interpreter.

**What is counted.** Everything that is read out of a table is read by *rows*: the neighbours of
a vertex, in the graph or in an index. `row` opens one and pays for all of it, also when the
reader stops inside. Label entries are paid one by one (`pay`). Looking up a mark, a degree
or a gate costs nobody anything: every search does one of those for each entry it reads.

Trap: an engine inlines the functions of this folder, while numba's disk cache watches only the
file of the outermost one. `keyed` therefore mixes a digest of the others into its key.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from adabench.workloads.shared.compiled.kernels import compiled

Ints = NDArray[np.int32]
Counts = NDArray[np.int64]
Marks = NDArray[np.uint8]
Function = TypeVar("Function", bound=Callable[..., Any])


READS, ROWS, ENTRIES = 0, 1, 2
"""Places in a ledger: neighbours read, rows opened, label entries read."""


class Graph(NamedTuple):
    """An adjacency table as a kernel sees it: vertex v's neighbours lie in a row of `heads`."""

    starts: Ints
    """(n + 1,) where each row begins."""
    heads: Ints
    """(2m,) neighbours."""
    ledger: Counts
    """(3,) what was read so far."""


class Space(NamedTuple):
    """Room for a two-sided search, used again for each pair: nothing is cleared in between."""

    trace: Ints
    """(n, 2) mark and parent. A mark is 2 * epoch + side; older marks mean "not seen"."""
    queue: Ints
    """(2, n) the vertices seen from each side, in order."""
    queried: Marks
    """(n,) 1 where the vertex's row was opened at least once."""
    met: Ints
    """(2,) the edge on which the two sides met: its end on side 0 and on side 1."""


def hook(function: Function) -> Function:
    """Make a method's own answer to one pair: compiled when an engine inlines it."""
    return cast(Function, njit(function))


@compiled
def row(graph: Graph, space: Space, vertex: int) -> tuple[int, int]:
    """Open a vertex's row: return where it begins and ends in `heads`, and pay for it."""
    first, last = graph.starts[vertex], graph.starts[vertex + 1]
    graph.ledger[READS] += last - first
    graph.ledger[ROWS] += 1
    space.queried[vertex] = 1
    return first, last


@compiled
def degree(graph: Graph, vertex: int) -> int:
    """Return how many neighbours a vertex has, without reading them."""
    return int(graph.starts[vertex + 1] - graph.starts[vertex])


@compiled
def pay(ledger: Counts, entries: int) -> None:
    """Count label entries that were read."""
    ledger[ENTRIES] += entries


@compiled
def room(vertices: int) -> Space:
    """Return fresh room for searches among so many vertices; epochs start at 1."""
    return Space(
        np.zeros((vertices, 2), np.int32),
        np.empty((2, vertices), np.int32),
        np.zeros(vertices, np.uint8),
        np.zeros(2, np.int32),
    )
