"""Graphs of desks: whose transcript is read by whom, in so many rounds. Each is a workflow (`agents/substrate/workflow.py`).

    complete    each desk reads all that run before it
    chain       each desk reads the one before it
    star        all others read the first desk, which reads them in the next round
    debate      each desk begins by itself; in the next round each reads all

Desks run in an order, and an edge leads from one that runs earlier to one that runs later. A round begins where the
round before it ended: what nobody reads within a round is read by those who read nobody. Behind the last round stands
what is stated most often; a vote reads no word.
"""

from dataclasses import dataclass
from functools import cache

from adabench.workloads.agents.substrate.serving.desk import Agent, Desk
from adabench.workloads.agents.substrate.workflow import Operator, Template, execute

MODE = "chk"
"""In which episodes are begun: tools, with a way back."""


@dataclass(frozen=True)
class DeskGraph:
    """Desks in the order in which they run, and edges between their places in it."""

    desks: tuple[int, ...]
    edges: tuple[tuple[int, int], ...] = ()


def complete(desks: tuple[int, ...]) -> DeskGraph:
    """Return the graph in which each desk reads all before it."""
    count = len(desks)
    return DeskGraph(desks, tuple((a, b) for b in range(count) for a in range(b)))


def chain_of(desks: tuple[int, ...]) -> DeskGraph:
    """Return the graph in which each desk reads the one before it."""
    return DeskGraph(desks, tuple((n, n + 1) for n in range(len(desks) - 1)))


def star(desks: tuple[int, ...]) -> DeskGraph:
    """Return the graph in which all read the first desk."""
    return DeskGraph(desks, tuple((0, n) for n in range(1, len(desks))))


SHAPES = {"complete": complete, "chain": chain_of, "star": star, "debate": DeskGraph}
"""By name: what makes a graph of all desks."""


@cache
def in_rounds(graph: DeskGraph, rounds: int) -> Template:
    """Return the workflow that runs a graph so many times; one desk has nobody to read, and runs once."""
    count = len(graph.desks)
    rounds = rounds if count > 1 else 1
    first = [n for n in range(count) if all(b != n for _, b in graph.edges)]
    last = [n for n in range(count) if all(a != n for a, _ in graph.edges)]
    nodes: list[Operator] = []
    edges: list[tuple[int, int]] = []
    for turn in range(rounds):
        offset = turn * count
        edges += [(offset + a, offset + b) for a, b in graph.edges]
        edges += [(offset - count + a, offset + b) for a in last for b in first if turn]
        for place, desk in enumerate(graph.desks):
            begins = place in first and not turn
            nodes.append(
                Operator("solve", MODE, desk=desk) if begins else Operator("hand over", desk=desk)
            )
    if len(last) > 1:
        edges += [(len(nodes) - count + place, len(nodes)) for place in last]
        nodes.append(Operator("vote"))
    return Template(tuple(nodes), tuple(edges))


def answer_by(desk: Desk, template: Template) -> Agent:
    """Run a workflow and offer what it answers, if it does."""
    branch = yield from execute(desk, template)
    if branch is not None:
        desk.offer(branch)
