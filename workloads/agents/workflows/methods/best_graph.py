"""Oracle: the cheapest graph of the library that is right, told which are. Drawn dotted.

Every graph answers in a stream whose costs nobody counts. The cheapest that was right answers once more, the cheapest of
all where none was.

**Is it luck?** Six tries find something right by luck too. With `draws=other` graphs are chosen by three draws of each at temperature 1, and
answer greedily as before: what is left above the selected graph is what a better choice could gain. The rest is luck,
so it is a bound, and closes no gap.

**What to expect.** Written before measuring: 0.93 of all; by other draws 0.88, as the selected graph.

**Ways to fake it.** Reporting it as a method.
"""

from collections import Counter
from dataclasses import replace

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import GradedStreams
from adabench.workloads.agents.substrate.workflow import Template, execute
from adabench.workloads.agents.workflows.substrate.desk_graphs import answer_by
from adabench.workloads.agents.workflows.substrate.library import library

CARD = Card(
    title="Oracle: the cheapest graph that is right",
    adapts="which of six graphs answers a request, told which are right",
    role="oracle",
    oracle="bound",
    wins_by_luck=True,
    knobs=(Knob("draws", ("same",), "same", also=("other",)),),
)
DRAWS = 3


def solve(task: GradedStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return what the cheapest graphs answer that are right."""
    known = library(task)
    right: dict[int, Counter[int]] = {}
    tried = [(place, graph.template) for place, graph in enumerate(known.graphs)]
    if point["draws"] == "other":
        tried = [(place, sampled(template)) for place, template in tried] * DRAWS

    def tries(desk: Desk) -> Agent:
        own = right[desk.request] = Counter()
        for place, template in tried:
            branch = yield from execute(desk, template)
            words = () if branch is None else desk.words(branch)
            own[place] += task.credit(stream, desk.request, words)

    def agent(desk: Desk) -> Agent:
        own = right[desk.request]
        best = max(range(len(known.graphs)), key=lambda place: (own[place], -known.words[place]))
        yield from answer_by(desk, known.graphs[best].template)

    task.aside(stream).serve(stream, tries)
    return task.serve(stream, agent)


def sampled(template: Template) -> Template:
    """Return a workflow whose episodes are sampled at temperature 1."""
    return replace(template, nodes=tuple(replace(node, heat=1.0) for node in template.nodes))
