"""A selected graph: before a request runs, one of six graphs is chosen by the policy's state behind its prompt.

    argmax_g  sigmoid(w_g h + b_g) - price * words_g         a row for each graph; words_g: its mean on labelled requests

The library holds what a search left for sums, for facts and for all, and what hands made (`substrate/library.py`). Words of the searches and
of all graphs on labelled requests are `training_words`.

**What to expect.** Written before measuring (`docs/log/workflows.md`): 0.88 of all, chains for sums and tools for facts; nothing above the
searched template where requests are of one kind.

**Ways to fake it.** The kind told, and not read; a library of one graph.
"""

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.workflows.substrate.desk_graphs import answer_by
from adabench.workloads.agents.workflows.substrate.library import (
    POLICIES,
    SOLVES,
    GraphPlan,
    library,
)
from adabench.workloads.shared.language_model.contract import mix

CARD = Card(
    title="A graph selected before a request runs",
    paper="From Static Templates to Dynamic Runtime Graphs: A Survey of Workflow Optimization for LLM Agents, arXiv 2603.22386",
    slug="acg-survey",
    adapts="which of six graphs answers a request, by the policy's state behind its prompt",
    no_signal="a case is a stream, and prompts are of its requests: `swapped_graph` takes the graphs of others of them",
    fidelity="reconstructed",
    fixed={"graph": "own"},
    variants=(
        Variant(
            "swapped_graph",
            "Graphs of other requests",
            {"graph": "other"},
            adapts="which of six graphs answers a request, by a die among what others are given",
            control_of=("selected_graph",),
            essay="""The swap test: each request is answered by the graph that was selected for one of those before it, by a die; the first has its own.

            **What to expect.** Written before measuring: 0.1 below on mixed requests, nothing on sums alone.

            **Ways to fake it.** Graphs that are the same for all.
            """,
        ),
        Variant(
            "random_graph",
            "A random graph of the library",
            {"graph": "random"},
            adapts="which of six graphs answers a request, by a die",
            control_of=("selected_graph",),
            essay="""One of the six graphs, by a die.

            **What to expect.** Written before measuring: the mean of the six.

            **Ways to fake it.** A die that knows the request.
            """,
        ),
        Variant(
            "same_size_graph",
            "A random graph of the selected one's size",
            {"graph": "same size"},
            adapts="how many episodes and critics answer a request, as selected; which, by a die",
            control_of=("selected_graph",),
            essay="""As many episodes and critics as the selected graph has, each of a mode and a policy by a die.

            **What to expect.** Written before measuring: 0.45 of all, since half of the modes answer no facts.

            **Ways to fake it.** Fewer operators than were selected.
            """,
        ),
    ),
)
_DIE = 0x5E1


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of selected graphs."""
    known = library(task)
    task.book_training(known.library_words)
    seen: list[int] = []

    def agent(desk: Desk) -> Agent:
        draws = Draws(mix(_DIE, task.seed, stream.index, desk.request))
        place = known.choice(desk.odds(desk.read(), known.selector))
        seen.append(place)
        if point["graph"] == "other":
            place = draws.pick(seen[:-1] or seen)
        if point["graph"] == "random":
            place = draws.below(len(known.graphs))
        graph = known.graphs[place]
        if point["graph"] == "same size":
            graph = redrawn(graph, draws)
        yield from answer_by(desk, graph.template)

    return task.serve(stream, agent)


def redrawn(graph: GraphPlan, draws: Draws) -> GraphPlan:
    """Return a graph of the same size: as many episodes and critics, each one by a die."""
    solves = (draws.below(len(SOLVES)) if one >= 0 else -1 for one in (*graph[:3], graph.other))
    first, second, third, other = solves
    critic = draws.below(len(POLICIES)) if graph.critic >= 0 else -1
    return GraphPlan(first, second, third, critic, other)
