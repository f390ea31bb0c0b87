"""The first request of a stream: the graph that a workflow realised for it, operator by operator.

Drawn are three workflows, run here on the request alone: tools with a way back behind which a critic stands, a vote of three, and, with
shards, a tour of the desks. From left to right by the longest way; dark edges carried words.
"""

from collections import Counter
from typing import Any

from adabench.harness.contract.card import Point
from adabench.harness.contract.drawing import Mark, Panel, Picture
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk
from adabench.workloads.agents.substrate.team_streams import instance
from adabench.workloads.agents.substrate.workflow import (
    Operator,
    RealisedGraph,
    Template,
    chain,
    execute,
)
from adabench.workloads.agents.teams.substrate.paths import Path, template
from adabench.workloads.agents.teams.task import load

RADIUS = 0.12


def picture(scale: str, seed: int, conditions: Point) -> Picture:
    """Draw what ran for the first request of the first stream."""
    settings: dict[str, Any] = {**conditions, "requests": 1}
    one = load(scale, seed, **settings)
    whole: dict[str, Any] = dict(conditions)
    (first, *_) = load(scale, seed, **whole).cases()
    names = {
        "A critic": template(Path("chk", "s", "critic")),
        "A vote": template(Path("chk", "s", "vote")),
    }
    desks = int(settings.get("desks", 1))
    if desks > 1:
        tour = (Operator("hand over", desk=desk % desks) for desk in range(1, 2 * desks))
        names["A tour of the desks"] = chain((Operator("solve", "chk"), *tour))
    graphs = {name: realised(one, workflow) for name, workflow in names.items()}
    panels = tuple(_panel(name, graph) for name, graph in graphs.items())
    deepest = max(x for panel in panels for mark in panel.marks for x, *_ in mark.places)
    words = "; ".join(
        f"{name.lower()}: {' and '.join(graph.nodes)}, {sum(w for *_, w in graph.edges)} words handed on"
        for name, graph in graphs.items()
    )
    window = (-0.5, -1.5, deepest + 0.5, 1.5)
    return Picture(
        f"Realised graphs: the first request of {first.group}",
        panels,
        window,
        f"{words}.",
        instance(first),
    )


def realised(task: Any, workflow: Template) -> RealisedGraph:
    """Return what ran for the one request of a task."""
    (stream, *_) = task.cases()

    def agent(desk: Desk) -> Agent:
        branch = yield from execute(desk, workflow)
        if branch is not None:
            desk.offer(branch)

    answers = task.serve(stream, agent, Load())
    graph = task.account(stream, answers).served[0].graph
    assert isinstance(graph, RealisedGraph)
    return graph


def _panel(name: str, graph: RealisedGraph) -> Panel:
    depth = [0] * len(graph.nodes)
    for a, b, _ in sorted(graph.edges, key=lambda edge: edge[1]):
        depth[b] = max(depth[b], depth[a] + 1)
    sizes, seen = Counter(depth), Counter[int]()
    places = []
    for x in depth:
        y = (sizes[x] - 1) / 2 - seen[x]
        seen[x] += 1
        places.append((float(x), y / max(1.0, (sizes[x] - 1) / 2)))
    carried = [(*places[a], *places[b]) for a, b, words in graph.edges if words]
    silent = [(*places[a], *places[b]) for a, b, words in graph.edges if not words]
    kinds = [label.split(" ")[0] for label in graph.nodes]
    tones: dict[str, Any] = {
        "solve": "solid",
        "hand": "new",
        "verify": "outline",
        "escalate": "lost",
        "vote": "way",
    }
    discs = [
        Mark("discs", tuple((*p, RADIUS) for p, k in zip(places, kinds, strict=True) if k == kind),
             tones[kind], "hand over" if kind == "hand" else kind)
        for kind in dict.fromkeys(kinds)
    ]  # fmt: skip
    return Panel(name, (
        Mark("segments", tuple(carried), "solid", "words handed on"),
        Mark("segments", tuple(silent), "faint", "nothing read again"),
        *discs,
    ))  # fmt: skip
