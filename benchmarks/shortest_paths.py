"""Shortest paths at a million vertices, and the compiled BiBFS against libraries' searches.

    .venv/bin/pip install networkit rustworkx igraph
    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/shortest_paths.py [million] [libraries]
        [--seed N] [--json FILE]

`million`: WormHole against BiBFS on Chung-Lu graphs (exponents 2.3, 2.5, 2.8), 10,000 pairs: error
of at most 2 on 99 % of pairs, 5 times fewer edges, 5 times less CPU time, 4 GB.

`libraries`: the same pairs, lengths checked against each other, answered by

    adabench     `shortest_paths/bibfs` as `adabench run` times it: rows opened and neighbours read
                 are counted and the vertices that were opened are marked
    networkit    `networkit.distance.BidirectionalBFS` (C++), the only two-sided one
    igraph       `Graph.distances(s, t)` (C), one-sided, stops at the target
    rustworkx    `dijkstra_shortest_paths(graph, s, t)` with unit weights (Rust), one-sided, stops at
                 the target; it has no two-sided search and no breadth-first one that stops

Ours is to be at most 1.5 times the best. A library is timed with its graph built; one call from
Python a query is part of what its user pays. It weighs where queries are short, so the table also
has a geometric graph, where they are long. One-sided searches answer the first `FEW` pairs only.
No library tells how many edges it read; *edges* are ours.

Times are CPU seconds of this process, the median of `REPEATS`, compilation left out.
"""

import argparse
import json
import os
import resource
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from adabench.harness.provenance.environment import fingerprint
from adabench.workloads.algorithms.shortest_paths.methods import bibfs, wormhole
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import Case, Sparse, make_case
from adabench.workloads.algorithms.shortest_paths.substrate.graph_families import (
    draw_pairs,
    generate,
    with_pairs,
)
from adabench.workloads.algorithms.shortest_paths.truth.scoring import scored_task

MILLION = 1_000_000
PAIRS = 10_000
REPEATS = 5
FAMILIES = ("power_2.3", "power_2.5", "power_2.8")
SHARES = (0.001, 0.01)
SIZES = (
    ("power_2.5", 20_000, 5_000),
    ("power_2.5", 100_000, 2_000),
    ("power_2.5", MILLION, 1_000),
    ("geometric", 20_000, 300),
)
"""Family, vertices, pairs."""
FEW = 3
BAR = 1.5


def cpu_s(call: Callable[[], Any]) -> float:
    """Return the median CPU time of a call that ran once before."""
    spent = []
    call()
    for _ in range(REPEATS):
        begin = process_time()
        call()
        spent.append(process_time() - begin)
    return float(np.median(spent))


def peak_gib() -> float:
    """Return the largest memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def answered(method: Any, case: Case, point: dict[str, Any]) -> dict[str, float]:
    """Return a method's values on a case and its CPU time a query."""
    task = scored_task((case,))
    state = method.prepare(task, {**method.CARD.defaults, **point}, 0)
    full = {**method.CARD.defaults, **point}

    def solve() -> Any:
        return method.solve(state, case, full)

    task.meter.clear()
    values = task.score(case, solve())
    values["query_us"] = cpu_s(solve) / len(case.pairs) * 1e6
    return values


def million(seed: int) -> dict[str, Any]:
    """Hold WormHole to its bars at a million vertices."""
    found: dict[str, Any] = {}
    for family in FAMILIES:
        begin = process_time()
        graph = generate(family, MILLION, seed)
        made_s = process_time() - begin
        case = with_pairs(family, graph, PAIRS, seed)
        plain = answered(bibfs, case, {"rows": "given"})
        rows = {"vertices": graph.vertices, "edges": graph.edges, "generation_cpu_s": made_s}
        rows["bibfs"] = {name: plain[name] for name in ("edges", "query_us", "exact")}
        for share in SHARES:
            ring = answered(wormhole, case, {"f": share})
            rows[f"wormhole f={share}"] = {
                **{name: ring[name] for name in ("edges", "query_us", "exact", "within2")},
                **{name: ring[name] for name in ("mean_error", "max_error", "below")},
                **{name: ring[name] for name in ("prep_cpu_s", "index_bytes")},
                "fewer_edges": plain["edges"] / ring["edges"],
                "less_cpu": plain["query_us"] / ring["query_us"],
            }
        found[family] = {**rows, "peak_gib": peak_gib()}
    return found


def libraries(seed: int) -> dict[str, Any]:
    """Time the compiled BiBFS against what packages offer."""
    found = {}
    for family, vertices, pairs in SIZES:
        graph = generate(family, vertices, seed)
        drawn = draw_pairs(graph, pairs, family, seed)
        case, few = (make_case(family, graph, own, seed) for own in (drawn, drawn[:FEW]))
        ours = answered(bibfs, case, {"rows": "given"})
        rows = {
            "adabench": ours["query_us"],
            "networkit": networkit_us(graph, case),
            "igraph": igraph_us(graph, few),
            "rustworkx": rustworkx_us(graph, few),
        }
        best = min(time for name, time in rows.items() if name != "adabench")
        found[f"{family} {graph.vertices}"] = {
            "edges_of_graph": graph.edges,
            "pairs": len(case.pairs),
            "edges_a_query": ours["edges"],
            "us_a_query": rows,
            "ours_by_best": rows["adabench"] / best,
        }
    return {"bar": BAR, "versions": versions(), "graphs": found}


def versions() -> dict[str, str]:
    """Return the versions of the libraries."""
    found = {}
    for name in ("networkit", "igraph", "rustworkx"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def each_edge(graph: Sparse) -> tuple[Any, Any]:
    """Return both ends of each undirected edge: (m,) each."""
    tails = np.repeat(np.arange(graph.vertices), np.diff(graph.starts))
    forward = tails < graph.heads
    return tails[forward], graph.heads[forward].astype(np.int64)


def agreed(name: str, case: Case, run: Callable[[], list[float]]) -> float:
    """Return microseconds a query of a library, its lengths checked.

    Raises:
        SystemExit: if it finds another distance.
    """
    if not np.array_equal(run(), scored_task((case,)).truth(case)):
        raise SystemExit(f"{name} and adabench disagree on a distance")
    return cpu_s(run) / len(case.pairs) * 1e6


def networkit_us(graph: Sparse, case: Case) -> float:
    """Return microseconds a query of networkit's two-sided search."""
    import networkit as nk

    nk.setNumberOfThreads(1)
    tails, heads = each_edge(graph)
    ends = tails.astype(np.uint64), heads.astype(np.uint64)
    other = nk.GraphFromCoo(ends, n=graph.vertices)
    pairs = case.pairs.tolist()

    def run() -> list[float]:
        lengths = []
        for s, t in pairs:
            search = nk.distance.BidirectionalBFS(other, s, t, False)
            search.run()
            lengths.append(search.getDistance())
        return lengths

    return agreed("networkit", case, run)


def igraph_us(graph: Sparse, case: Case) -> float:
    """Return microseconds a query of igraph's search for one target."""
    import igraph

    other = igraph.Graph(graph.vertices, np.stack(each_edge(graph), axis=1))
    pairs = case.pairs.tolist()
    return agreed("igraph", case, lambda: [other.distances(s, t)[0][0] for s, t in pairs])


def rustworkx_us(graph: Sparse, case: Case) -> float:
    """Return microseconds a query of rustworkx' search for one target."""
    import rustworkx as rx

    other = rx.PyGraph(multigraph=False)
    other.add_nodes_from(range(graph.vertices))
    tails, heads = each_edge(graph)
    other.add_edges_from_no_data(list(zip(tails.tolist(), heads.tolist(), strict=True)))
    pairs = case.pairs.tolist()
    return agreed(
        "rustworkx",
        case,
        lambda: [len(rx.dijkstra_shortest_paths(other, s, t)[t]) - 1 for s, t in pairs],
    )


def shown(found: dict[str, Any]) -> None:
    """Print the table of libraries."""
    names = ("adabench", "networkit", "igraph", "rustworkx")
    print(f"{'graph':20}{'edges':>9}" + "".join(f"{name:>12}" for name in names) + f"{'/ best':>9}")
    for graph, row in found["graphs"].items():
        times = "".join(f"{row['us_a_query'][name]:12.1f}" for name in names)
        print(f"{graph:20}{row['edges_a_query']:9.0f}{times}{row['ours_by_best']:9.2f}")


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("parts", nargs="*", default=["million"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    known = {"million": million, "libraries": libraries}
    found = {part: known[part](asked.seed) for part in asked.parts}
    print(f"load average {os.getloadavg()[0]:.1f}; microseconds of CPU a query")
    if "libraries" in found:
        shown(found["libraries"])
    if "million" in found:
        print(json.dumps(found["million"], indent=2))
    if asked.json:
        document = {"environment": fingerprint(), **found}
        asked.json.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
