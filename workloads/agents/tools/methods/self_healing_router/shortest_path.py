"""Dijkstra's algorithm over weights by edge."""

import heapq
import math
from collections.abc import Mapping

Weights = Mapping[tuple[str, str], float]


def shortest_path(
    successors: Mapping[str, Mapping[str, float]], weights: Weights, start: str, goal: str
) -> tuple[str, ...] | None:
    """Return the nodes of a path of least weight; None where every path is infinite.

    Of equal paths the one is taken whose nodes were met first.
    """
    distance, before = {start: 0.0}, dict[str, str]()
    waiting, order = [(0.0, 0, start)], 0
    settled: set[str] = set()
    while waiting:
        length, _, node = heapq.heappop(waiting)
        if node == goal:
            return _nodes(before, start, goal)
        if node in settled:
            continue
        settled.add(node)
        for end in successors.get(node, ()):
            through = length + weights[node, end]
            if through < distance.get(end, math.inf):
                order += 1
                distance[end], before[end] = through, node
                heapq.heappush(waiting, (through, order, end))
    return None


def _nodes(before: Mapping[str, str], start: str, goal: str) -> tuple[str, ...]:
    nodes = [goal]
    while nodes[-1] != start:
        nodes.append(before[nodes[-1]])
    return tuple(reversed(nodes))
