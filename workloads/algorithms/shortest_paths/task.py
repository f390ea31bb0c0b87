"""Shortest paths: how far to look for a good answer, on graphs with a core and without one.

A case is an undirected, unweighted, connected graph and 5,000 pairs of its vertices; for each pair
the length of a walk between them is asked for, the shorter the better. A method may prepare
an index. It hands in a compiled hook that answers one pair; the task's loop runs it over all
pairs and counts what it reads (`query_loop.py`, `kernels.py`).

    def solve(state, case, point):
        return state.task.ask(case, hook, state.prepared_index[case.instance])

**What is counted.** `edges` is how many neighbours are read a query, in the graph and in a graph
on the inner ring alike; `query_reads` adds label entries. Whoever prepares pays too: `reads`
spreads the preparation over the pairs of the case, so that an index that answers for next to
nothing is not free. `relative_reads`, the axis of the gap, divides that by what a plain two-sided
search reads for the same pairs: graphs differ a hundredfold in it, and costs are not averaged
before they are divided. `reads_at_q` is the curve at other numbers of queries: on it searches,
rings and full indexes cross. CPU time stands beside it (`cpu_s` of the block, `prep_cpu_s`), and
`index_bytes` is what an index holds.

**What is scored.** `quality` = 1 - mean additive error / mean distance, 0 at the least; `exact`,
`within1` and `within2` are shares of pairs. Distances are exact, by code of its own
(`distances.py`). An answer below the distance is no walk's length: `below` counts those, and must
be 0.

**The graphs** (`graph_families.py`): three power laws, a hostile necklace, a grid and random
geometric graph as negative controls (these three answer a tenth of the pairs), Debian's package
dependencies. `--set graph=wordnet` is WordNet, where it is installed; `--set graph=FILE` an edge
list of yours (`edge_list_reader.py`); `--set graph=grid` one family alone. Beyond 20,000 vertices
the suite is the power laws only: `vertices` up to 1,000,000 and more.

**Limitations.** Seeds of a real graph share the graph. A search that stops in the middle of a row
pays for what it read of it; in a system whose unit is the node query, `rows` is the cost to look
at.
"""

from pathlib import Path

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.shortest_paths.conformance import check
from adabench.workloads.algorithms.shortest_paths.substrate.edge_list_reader import read_graph
from adabench.workloads.algorithms.shortest_paths.substrate.graph_families import (
    KINDS,
    generate,
    suite,
    with_pairs,
)
from adabench.workloads.algorithms.shortest_paths.substrate.replay import (
    Preparation,
    ShortestPaths,
    Tally,
)
from adabench.workloads.algorithms.shortest_paths.truth.scoring import scored_task

CARD = Card(
    title="Shortest paths through an inner ring",
    paper="WormHole, arXiv 2406.08624, June 2024",
    adapts="how far a query explores before it takes the road through the core",
    no_speedup="work here includes the preparation and latency does not: compare cpu_s with edges",
    gaps=(
        Gap(
            mixture=("bibfs", "landmarks", "pll"),
            methods=("wormhole", "random_ring"),
            oracle="hindsight",
            coin="random_ring",
        ),
    ),
    knobs=(
        Knob("vertices", (20000, 100000), 20000, open=True, low=16),
        Knob("pairs", (5000,), 5000, open=True, low=1),
        Knob("graph", ("suite", "wordnet"), "suite", open=True),
    ),
    cases="nested",
    metrics=(
        Metric("quality", "", "higher", "quality", primary=True),
        Metric("relative_reads", "", "lower", "work", primary=True),
        Metric("reads", "reads/query", "lower", "work"),
        Metric("edges", "edges/query", "lower", "work"),
        Metric("rows", "rows/query", "lower", "work"),
        Metric("query_reads", "reads/query", "lower", "work"),
        Metric("prep_reads", "reads", "lower", "work"),
        Metric("mean_error", "edges", "lower", "cost"),
        Metric("max_error", "edges", "lower", "cost"),
        Metric("prep_cpu_s", "s", "lower", "cost"),
        Metric("index_bytes", "B", "lower", "cost"),
        Metric("exact", "", "higher", "quality"),
        Metric("within1", "", "higher", "quality"),
        Metric("within2", "", "higher", "quality"),
        Metric("queried_share", "", "lower", "cost"),
        Metric("seen_share", "", "lower", "cost"),
        Metric("reads_at_100", "reads/query", "lower", "work"),
        Metric("reads_at_1000", "reads/query", "lower", "work"),
        Metric("reads_at_10000", "reads/query", "lower", "work"),
        Metric("reads_at_100000", "reads/query", "lower", "work"),
        Metric("reads_at_1000000", "reads/query", "lower", "work"),
        Metric("edges_read", "edges", "lower", "work"),
        Metric("rows_read", "rows", "lower", "work"),
        Metric("entries_read", "entries", "lower", "work"),
        Metric("pairs", "pairs", "lower", "info"),
        Metric("mean_length", "edges", "lower", "info"),
        Metric("below", "pairs", "lower", "info"),
        Metric("below_allowed", "pairs", "lower", "info"),
        Metric("instance", "hash", "higher", "info"),
    ),
)

CHECK_CONDITIONS = {"vertices": 600, "pairs": 200}
OUTCOMES = (Tally, Preparation)

__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load"]


def load(
    scale: str,
    seed: int,
    *,
    vertices: int = 20000,
    pairs: int = 5000,
    graph: str = "suite",
) -> ShortestPaths:
    """Return the task under the given conditions.

    Raises:
        SelectionError: if `graph` is neither a family nor a readable edge list.
        MissingExtra: if it is WordNet, and that is not installed.
    """
    if scale != "embedded":
        raise SelectionError(f"shortest_paths has no scale {scale!r}.", "It runs at `embedded`.")
    if graph == "suite" or graph in KINDS:
        names = suite(vertices) if graph == "suite" else (graph,)
        given = [(name, generate(name, vertices, seed)) for name in names]
    else:
        path = Path(graph)
        given = [(path.name, read_graph(path, ("suite", *KINDS)))]
    return scored_task(tuple(with_pairs(name, one, pairs, seed) for name, one in given))
