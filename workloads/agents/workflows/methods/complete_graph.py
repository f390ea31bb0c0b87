"""The complete graph of desks, and other fixed ones: the same for every request, whatever it is about.

Shapes stand in `substrate/desk_graphs.py`. All run twice, as AGP's graphs do. `pruned_graph` is the best graph of so many
desks on AGP's training questions, and complete among them: what pruning gains without looking at a request.

**What to expect.** Written before measuring (`docs/log/workflows.md`): two rounds of six desks find 0.7 of what needs facts, whichever
the edges, and complete graphs cost four times a chain.

**Ways to fake it.** Edges that carry nothing: here each is a transcript that its reader reads from the first word on.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.workflows.substrate.desk_graphs import (
    SHAPES,
    DeskGraph,
    answer_by,
    complete,
    in_rounds,
)
from adabench.workloads.agents.workflows.substrate.pruners import pruner

CARD = Card(
    title="The complete graph of desks",
    adapts="nothing",
    role="static",
    fixed={"shape": "complete", "size": 0},
    knobs=(Knob("rounds", (2,), 2, open=True, low=1),),
    conditions={"desks": 6, "kinds": "arith,kb,mix", "faults": "none"},
    variants=(
        Variant(
            "chain_graph",
            "A chain of desks",
            {"shape": "chain"},
            role="static",
            adapts="nothing",
            essay="""Each desk goes on from what the one before it hands over.

            **What to expect.** Written before measuring: as right as the complete graph, for a third of its words.

            **Ways to fake it.** An order that is made for the question.
            """,
        ),
        Variant(
            "star_graph",
            "A star of desks",
            {"shape": "star"},
            role="static",
            adapts="nothing",
            essay="""All desks go on from the first one, which then reads what they have.

            **What to expect.** Written before measuring: half as right as a chain on facts, since a round takes at most two steps.

            **Ways to fake it.** A middle that is chosen for the question.
            """,
        ),
        Variant(
            "debate",
            "A debate of two rounds",
            {"shape": "debate"},
            role="static",
            adapts="nothing",
            essay="""Each desk answers by itself, then reads what all have said and goes on; a vote ends it.

            **What to expect.** Written before measuring: right where two desks hold all that is asked, so below a chain; the dearest.

            **Ways to fake it.** One reader for all.
            """,
        ),
        Variant(
            "single_desk",
            "A single desk",
            {"shape": "pruned", "size": 1, "rounds": 1},
            role="static",
            adapts="nothing",
            knobs=(),
            essay="""The one desk that answered most training questions.

            **What to expect.** Written before measuring: all sums, and one question of facts in thirty.

            **Ways to fake it.** A desk that holds more than its part.
            """,
        ),
        Variant(
            "pruned_graph",
            "The best pruned graph for all requests",
            {"shape": "pruned"},
            role="static",
            adapts="nothing",
            knobs=(
                Knob("size", (3,), 3, open=True, low=1, high=6),
                Knob("rounds", (2,), 2, open=True, low=1),
            ),
            essay="""The desks that answered most training questions of all choices of so many, complete among them.

            **What to expect.** Written before measuring: it loses every question of a pruned desk, so 0.2 of facts with three desks.

            **Ways to fake it.** Desks that are chosen on scored requests.
            """,
        ),
    ),
)  # fmt: skip


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of one graph."""
    shape, size, rounds = str(point["shape"]), int(point["size"]), int(point["rounds"])
    best = complete(pruner(task).best[size - 1]) if shape == "pruned" else None

    def agent(desk: Desk) -> Agent:
        graph: DeskGraph = best or SHAPES[shape](tuple(range(desk.desks)))
        yield from answer_by(desk, in_rounds(graph, rounds))

    return task.serve(stream, agent)
