"""Oracle: the cheapest graph of the library that is right, told which are. Drawn dotted.

Every graph answers in a stream whose costs nobody counts. The cheapest that was right answers once more, the cheapest of
all where none was. Six tries find something right by luck too: it is a bound, and closes no gap.

**What to expect.** Written before measuring: 0.93 of all.

**Ways to fake it.** Reporting it as a method.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import GradedStreams
from adabench.workloads.agents.substrate.workflow import execute
from adabench.workloads.agents.workflows.substrate.desk_graphs import answer_by
from adabench.workloads.agents.workflows.substrate.library import library

CARD = Card(
    title="Oracle: the cheapest graph that is right",
    adapts="which of six graphs answers a request, told which are right",
    role="oracle",
    oracle="bound",
    wins_by_luck=True,
)


def solve(task: GradedStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return what the cheapest graphs answer that are right."""
    known = library(task)
    right: dict[int, list[bool]] = {}

    def tries(desk: Desk) -> Agent:
        right[desk.request] = []
        for graph in known.graphs:
            branch = yield from execute(desk, graph.template)
            words = () if branch is None else desk.words(branch)
            right[desk.request].append(task.credit(stream, desk.request, words))

    def agent(desk: Desk) -> Agent:
        own = right[desk.request]
        best = max(range(len(own)), key=lambda place: (own[place], -known.words[place]))
        yield from answer_by(desk, known.graphs[best].template)

    task.aside(stream).serve(stream, tries)
    return task.serve(stream, agent)
