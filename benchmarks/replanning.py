"""The compiled Dijkstra of `replanning` against packages' searches of the same graphs.

    .venv/bin/pip install networkit rustworkx          (either may be missing)
    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/replanning.py [--seed N] [--out FILE]

For each scene the edges that are free before the first update make one graph; a search finds the
cost of the shortest way from the goal to every sample. Ours is the kernel that
`replanning/dijkstra` is timed with, counters, parents and indexed heap included, on edges that are
tested already. A library is timed with its graph built, its call from Python included (microseconds
beside milliseconds). Costs must agree within 1e-9 at every sample.

Times are CPU seconds of this process, the median of `REPEATS`, compilation left out. Ours is to be
at most 1.5 times the best. Prints one JSON document; `--out` stores it.
"""

import argparse
import json
import platform
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import numpy.typing as npt

from adabench.workloads.algorithms.replanning.methods.dijkstra import plan
from adabench.workloads.algorithms.replanning.substrate.disc_graph import connect
from adabench.workloads.algorithms.replanning.substrate.moving_obstacles import settle
from adabench.workloads.algorithms.replanning.substrate.replay import blank_space
from adabench.workloads.algorithms.replanning.substrate.scenes import generate
from adabench.workloads.algorithms.replanning.substrate.world import FREE, GOAL, Space, clear

SIZES = (("discs", 2000), ("discs", 5000), ("maze", 2000), ("balls", 2000), ("crowd", 5000))
REPEATS = 15
WITHIN = 1e-9
Costs = npt.NDArray[np.float64]


def cpu_s(call: Callable[[], Any]) -> float:
    """Return the median CPU time of a call that ran once before."""
    call()
    spent = []
    for _ in range(REPEATS):
        begin = process_time()
        call()
        spent.append(process_time() - begin)
    return float(np.median(spent))


def compared(family: str, samples: int, seed: int) -> dict[str, Any]:
    """Time everybody on one graph."""
    scene = generate(family, samples, 1, 1.0, seed)
    space = blank_space(connect(scene, samples), scene)
    settle(space)
    tune = np.zeros(1)

    def ours() -> Costs:
        clear(space)
        plan(space, tune)
        return space.g

    truth = ours().copy()
    rows = {"adabench": cpu_s(ours)}
    for name, prepare in LIBRARIES.items():
        try:
            call, costs = prepare(space)
        except ModuleNotFoundError:
            continue
        if not np.allclose(costs(), truth, rtol=0, atol=WITHIN):
            raise SystemExit(f"{name} and adabench disagree on a cost")
        rows[name] = cpu_s(call)
    best = min(time for name, time in rows.items() if name != "adabench")
    edges = int((space.state == FREE).sum())
    us = {name: time * 1e6 for name, time in rows.items()}
    return {"edges": edges, "cpu_us": us, "ours_by_best": rows["adabench"] / best}


def _free(space: Space) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], Costs]:
    source = np.repeat(np.arange(len(space.g)), np.diff(space.start))
    free = space.state == FREE
    return source[free], space.target[free], space.length[free]


Prepared = tuple[Callable[[], Any], Callable[[], Costs]]


def scipy_search(space: Space) -> Prepared:
    """Return scipy's compiled Dijkstra, costs alone: it is faster without predecessors."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    source, target, length = _free(space)
    graph = csr_matrix((length, (source, target)), (len(space.g),) * 2)

    def call() -> Any:
        return dijkstra(graph, indices=GOAL)

    return call, lambda: np.asarray(call())


def networkit_search(space: Space) -> Prepared:
    """Return networkit's Dijkstra (C++)."""
    import networkit as nk

    nk.setNumberOfThreads(1)
    source, target, length = _free(space)
    once = source < target
    weighted = length[once], (source[once].astype(np.uint64), target[once].astype(np.uint64))
    graph = nk.GraphFromCoo(weighted, n=len(space.g), weighted=True)

    def call() -> Any:
        return nk.distance.Dijkstra(graph, GOAL, storePaths=False).run()

    def costs() -> Costs:
        found = np.array(call().getDistances())
        return np.where(found > 1e300, np.inf, found)  # its infinity is the largest double

    return call, costs


def rustworkx_search(space: Space) -> Prepared:
    """Return rustworkx' Dijkstra (Rust), which asks Python for each edge's length."""
    import rustworkx as rx

    source, target, length = _free(space)
    once = source < target
    graph = rx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(len(space.g)))
    rows = zip(source[once].tolist(), target[once].tolist(), length[once].tolist(), strict=True)
    graph.add_edges_from(list(rows))

    def call() -> Any:
        return rx.dijkstra_shortest_path_lengths(graph, GOAL, float)

    def costs() -> Costs:
        found = np.full(len(space.g), np.inf)
        found[GOAL] = 0.0
        for node, cost in call().items():
            found[node] = cost
        return found

    return call, costs


LIBRARIES: dict[str, Callable[[Space], Prepared]] = {
    "scipy": scipy_search,
    "networkit": networkit_search,
    "rustworkx": rustworkx_search,
}


def main() -> None:
    """Compare on all graphs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    graphs = {f"{family} {m}": compared(family, m, asked.seed) for family, m in SIZES}
    worst = max(row["ours_by_best"] for row in graphs.values())
    found = {
        "machine": platform.processor() or platform.machine(),
        "repeats": REPEATS,
        "worst_ours_by_best": worst,
        "graphs": graphs,
    }
    text = json.dumps(found, indent=2)
    if asked.out:
        asked.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
