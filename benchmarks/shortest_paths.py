"""Shortest paths at a million vertices, and the compiled BiBFS against libraries' searches.

    .venv/bin/pip install networkit rustworkx
    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/shortest_paths.py [million] [libraries] [--seed N]

`million`: WormHole against BiBFS on Chung-Lu graphs (exponents 2.3, 2.5, 2.8), 10,000 pairs: error
of at most 2 on 99 % of pairs, 5 times fewer edges, 5 times less CPU time, 4 GB.

`libraries`: the same pairs answered by `networkit.distance.BidirectionalBFS` (C++) and by scipy's
and rustworkx' one-sided searches, which have no two-sided one. Ours is to be at most 1.5 times the
best. A library is timed with its graph built; calls from Python are part of what its user pays, so
networkit is also timed over long queries (a geometric graph), where they do not matter.

Times are CPU seconds of this process, the median of `REPEATS`, compilation left out. Prints one
JSON document; nothing is stored.
"""

import argparse
import json
import resource
from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np

from adabench.workloads.shortest_paths import bibfs, wormhole
from adabench.workloads.shortest_paths.asking import ShortestPaths
from adabench.workloads.shortest_paths.families import generate, with_pairs
from adabench.workloads.shortest_paths.graph import Case, Sparse

MILLION = 1_000_000
PAIRS = 10_000
REPEATS = 5
FAMILIES = ("power_2.3", "power_2.5", "power_2.8")
SHARES = (0.001, 0.01)


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
    task = ShortestPaths((case,))
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
    sizes = (
        ("power_2.5", 100_000, 2_000),
        ("power_2.5", MILLION, 1_000),
        ("geometric", 20_000, 300),
    )
    found = {}
    for family, vertices, pairs in sizes:
        graph = generate(family, vertices, seed)
        case = with_pairs(family, graph, pairs * (10 if family == "geometric" else 1), seed)
        ours = answered(bibfs, case, {"rows": "given"})
        rows = {"adabench": ours["query_us"], "networkit": networkit_us(graph, case)}
        if vertices < MILLION:  # one-sided searches: minutes there, and far from the best
            rows["rustworkx"] = rustworkx_us(graph, case.pairs[:5])
            rows["scipy"] = scipy_us(graph, case.pairs[:5])
        best = min(time for name, time in rows.items() if name != "adabench")
        found[f"{family} {vertices}"] = {**rows, "ours_by_best": rows["adabench"] / best}
    return found


def networkit_us(graph: Sparse, case: Case) -> float:
    """Return microseconds a query of networkit's two-sided search, lengths checked."""
    import networkit as nk

    nk.setNumberOfThreads(1)
    tails = np.repeat(np.arange(graph.vertices, dtype=np.uint64), np.diff(graph.starts))
    forward = tails < graph.heads
    ends = tails[forward], graph.heads[forward].astype(np.uint64)
    other = nk.GraphFromCoo(ends, n=graph.vertices)
    pairs = case.pairs.tolist()

    def run() -> list[float]:
        lengths = []
        for s, t in pairs:
            search = nk.distance.BidirectionalBFS(other, s, t, False)
            search.run()
            lengths.append(search.getDistance())
        return lengths

    exact = ShortestPaths((case,)).truth(case)
    if not np.array_equal(run(), exact):
        raise SystemExit("networkit and adabench disagree on a distance")
    return cpu_s(run) / len(pairs) * 1e6


def rustworkx_us(graph: Sparse, pairs: Any) -> float:
    """Return microseconds a query of rustworkx' search for one target."""
    import rustworkx as rx

    other = rx.PyGraph(multigraph=False)
    other.add_nodes_from(range(graph.vertices))
    tails = np.repeat(np.arange(graph.vertices), np.diff(graph.starts))
    forward = tails < graph.heads
    edges = zip(tails[forward].tolist(), graph.heads[forward].tolist(), strict=True)
    other.add_edges_from_no_data(list(edges))

    def run() -> None:
        for s, t in pairs.tolist():
            rx.dijkstra_shortest_path_lengths(other, s, lambda edge: 1.0, goal=t)

    return cpu_s(run) / len(pairs) * 1e6


def scipy_us(graph: Sparse, pairs: Any) -> float:
    """Return microseconds a query of scipy's breadth-first order, which has no target."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import breadth_first_order

    ones = np.ones(len(graph.heads), np.float64)
    matrix = csr_matrix((ones, graph.heads, graph.starts), (graph.vertices,) * 2)

    def run() -> None:
        for s, _ in pairs.tolist():
            breadth_first_order(matrix, s)

    return cpu_s(run) / len(pairs) * 1e6


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("parts", nargs="*", default=["million"])
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    known = {"million": million, "libraries": libraries}
    found = {part: known[part](asked.seed) for part in asked.parts}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
