"""AGP, adaptive graph pruning: which desks answer a request, and who reads whom, by a small graph network on its prompt.

    p_i = P(desk i stays)       hard: above `threshold`, 0.55 as released
    S   = u u', in [-1, 1]      soft: an edge stays where sigmoid(S_ij) is above 0.5, or by a die of that chance

Both come of one pass over a two-layer GCN (`substrate/pruners.py`), whose query is the prompt's words, or with `net=states` the
mean of the policy's final states over it. What stays is a graph without cycles, from low numbers to high ones; it runs `rounds` times, and each of its edges is
a transcript that its reader reads from the first word on. Words of stage one are booked as `training_words`.

**What is simplified.** Six desks that each hold a part of what can be looked up, in place of nine roles. A role is its number, and not
a text: what a desk holds the network learns from answers. Roles are tied to their neighbours in turn. Widths 16 and 64; stage two takes 1,500 steps,
and `net=ten_steps` as many as released. S is scaled over pairs of different desks, and MLPs leak a hundredth. A survivor has the desks that no answer can do without.

**What to expect.** Written before measuring (`docs/log/workflows.md`): a quarter of the complete graph's words, and 0.05 to 0.1 less right.

**Ways to fake it.** Edges that are pruned and whose words are read all the same; survivors among scored requests; stage one for nothing.
"""

from dataclasses import replace

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.harness.errors import SelectionError
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.workflows.substrate.desk_graphs import (
    DeskGraph,
    answer_by,
    in_rounds,
)
from adabench.workloads.agents.workflows.substrate.pruners import DESKS, PAIRS, pruned, pruner
from adabench.workloads.shared.language_model.contract import mix

CARD = Card(
    title="AGP: adaptive graph pruning of desks",
    paper="Adaptive Graph Pruning for Multi-Agent Communication, arXiv 2506.02951",
    slug="agp",
    adapts="which desks answer a request, and who reads whom, by its words",
    no_signal="a case is a stream, and prompts are of its requests: `others_masks` takes the graphs of others of them",
    fidelity="code-confirmed",
    fixed={"graph": "own"},
    knobs=(
        Knob("threshold", (0.55,), 0.55, open=True, low=0.0, high=1.0),
        Knob("net", ("trained",), "trained", also=("fixed_mlp", "ten_steps", "states")),
        Knob("edges", ("likely",), "likely", also=("drawn",)),
        Knob("order", ("numbers",), "numbers", also=("die",)),
        Knob("rounds", (2,), 2, open=True, low=1),
    ),
    conditions={"desks": 6, "kinds": "arith,kb,mix", "faults": "none"},
    variants=(
        Variant(
            "random_pruning",
            "Random pruning of AGP's size",
            {"graph": "random"},
            adapts="which desks answer a request, by a die",
            control_of=("agp",),
            essay="""AGP's graph of the request, on as many desks that a die drew: nodes, edges and rounds are the same.

            **What to expect.** Written before measuring: sums as AGP, a third of facts.

            **Ways to fake it.** Fewer edges than AGP has.
            """,
        ),
        Variant(
            "others_masks",
            "AGP with the graphs of other requests",
            {"graph": "other"},
            adapts="which desks answer a request, by the prompt of the one before it",
            control_of=("agp",),
            essay="""Each request is answered by the graph that AGP has for the one before it; the first has its own.

            **What to expect.** Written before measuring: as random pruning.

            **Ways to fake it.** Graphs of a request that asks the same.
            """,
        ),
    ),
)
_DIE = 0xA9B


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of the graphs that the network left.

    Raises:
        SelectionError: if there are not as many desks as it was trained for.
    """
    known, name = pruner(task), str(point["net"])
    seen: list[DeskGraph] = []

    def agent(desk: Desk) -> Agent:
        if desk.desks != DESKS:
            raise SelectionError(
                f"The pruner was trained for {DESKS} desks, and here are {desk.desks}.",
                f"Choose desks={DESKS}.",
            )
        draws = Draws(mix(_DIE, task.seed, stream.index, desk.request))
        odds = desk.odds(desk.read(), known.net(name, desk.prompt), pooled=True)
        uniforms = [draws.below(1 << 20) / (1 << 20) for _ in PAIRS]
        order = draws.distinct(range(DESKS), DESKS)
        graph = pruned(
            odds,
            float(point["threshold"]),
            uniforms if point["edges"] == "drawn" else [0.5] * len(PAIRS),
            order if point["order"] == "die" else range(DESKS),
        )
        seen.append(graph)
        if point["graph"] == "other":
            graph = seen[max(0, desk.request - 1)]
        if point["graph"] == "random":
            graph = replace(graph, desks=tuple(sorted(order[: len(graph.desks)])))
        yield from answer_by(desk, in_rounds(graph, int(point["rounds"])))

    return task.serve(stream, agent)
