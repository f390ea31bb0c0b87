"""What the edges of a graph of tools weigh now, and which tools are taken for down.

    static     w = base                                                      infinite at a tool that is down
    composite  w = base * max(0.5, latency / 100 ms) / max(0.01, reliability) * (1 + 5 * refusals)

A tool that goes down costs its degree: only edges that touch it are written. A breaker has three states: closed; open
after three failures in a row, or at once when a tool says that it is down; half-open when a probe found it well.
"""

import math
from collections import Counter
from typing import Literal

from adabench.workloads.agents.tools.substrate.tool_endpoint import Result
from adabench.workloads.agents.tools.substrate.tool_graph import ToolGraph

WeightModel = Literal["static", "composite"]
FAILURES = 3
"""In a row, behind which a tool is taken for down."""
LEAST_LATENCY, LATENCY_UNIT_S, LEAST_RELIABILITY, REFUSAL_WEIGHT = 0.5, 0.1, 0.01, 5.0


class EdgeWeights:
    """Weights of one case; they begin with the graph's costs."""

    def __init__(self, graph: ToolGraph, model: WeightModel) -> None:
        self._model, self._base = model, {(start, end): cost for start, end, cost in graph.edges}
        self._touching: dict[str, list[tuple[str, str]]] = {tool: [] for tool in graph.tools}
        for edge in self._base:
            for node in edge:
                if node in self._touching:
                    self._touching[node].append(edge)
        self.weights = dict(self._base)
        """By edge: what it weighs now."""
        self.down: set[str] = set()
        self._calls: Counter[str] = Counter()
        self._successes: Counter[str] = Counter()
        self._in_a_row: Counter[str] = Counter()

    def drop(self, tool: str) -> int:
        """Take a tool for down; return how many edges were written."""
        self.down.add(tool)
        return self._write(tool, math.inf)

    def restore(self, tool: str) -> None:
        """Take a tool for half-open: it may be tried again, and one failure opens it."""
        self.down.discard(tool)
        self._in_a_row[tool] = FAILURES - 1
        self._write(tool, self._factor(tool, 0.0))

    def hear(self, tool: str, result: Result, latency_s: float = 0.0) -> bool:
        """Take in what a call returned; return whether the tool is taken for down now."""
        self._calls[tool] += 1
        if result.status == "ok":
            self._successes[tool] += 1
            self._in_a_row[tool] = 0
        else:
            self._in_a_row[tool] += 1
        if result.status == "down" or self._in_a_row[tool] >= FAILURES:
            self.drop(tool)
            return True
        if self._model == "composite":
            self._write(tool, self._factor(tool, latency_s))
        return False

    def _factor(self, tool: str, latency_s: float) -> float:
        if self._model == "static":
            return 1.0
        reliability = self._successes[tool] / self._calls[tool] if self._calls[tool] else 1.0
        refusals = self._in_a_row[tool] / FAILURES
        slowness = max(LEAST_LATENCY, latency_s / LATENCY_UNIT_S)
        return slowness / max(LEAST_RELIABILITY, reliability) * (1 + REFUSAL_WEIGHT * refusals)

    def _write(self, tool: str, factor: float) -> int:
        """Write the edges that touch a tool; those that lead to another one that is down stay infinite."""
        for edge in self._touching[tool]:
            is_open = any(node in self.down for node in edge)
            own = self._base[edge] * factor if edge[1] == tool else self._base[edge]
            self.weights[edge] = math.inf if is_open else own
        return len(self._touching[tool])
