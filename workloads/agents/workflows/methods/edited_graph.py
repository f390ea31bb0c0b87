"""An edited graph: what was selected runs, then a table says after each answer whether to stop, to check or to solve anew.

    table[verdict, a tool failed, answers disagree, edits left] -> stop | verify | solve anew by the next policy

It is `selected_graph` with up to three edits while a request runs. The answer is the one that a critic finds surest; one that was not checked
counts a half. The table is of labelled requests, whose words are borne with those of the library.

**What to expect.** Written before measuring (`docs/log/workflows.md`): 0.05 above the selected graph where tools fail, half of that where none does.

**Ways to fake it.** Edits by what only a label tells; checks for nothing.
"""

from dataclasses import replace
from typing import Any

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.serving.branches import Branch
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.substrate.workflow import RealisedGraph, Run, carry_out
from adabench.workloads.agents.workflows.substrate.library import (
    EDITS,
    POLICIES,
    STOP,
    VERIFY,
    best_of,
    library,
    state_of,
)
from adabench.workloads.shared.language_model.contract import mix

CARD = Card(
    title="A graph that is edited while a request runs",
    paper="From Static Templates to Dynamic Runtime Graphs: A Survey of Workflow Optimization for LLM Agents, arXiv 2603.22386",
    slug="acg-survey",
    adapts="which operators are added, by a critic, by tools that failed and by answers that disagree",
    no_signal="what it adapts on is said of the request's own answers: `random_edits` knows none of it",
    fidelity="reconstructed",
    fixed={"edits": "table"},
    variants=(
        Variant(
            "random_edits",
            "Edits by a die",
            {"edits": "die"},
            adapts="which operators are added, by a die",
            control_of=("edited_graph",),
            essay="""Each edit is one of three, by a die.

            **What to expect.** Written before measuring: above the selected graph by less, for more words.

            **Ways to fake it.** Fewer edits than the table makes.
            """,
        ),
    ),
)
_DIE = 0xED17


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of graphs that were edited."""
    known = library(task)
    task.book_training(known.library_words + known.edit_words)

    def agent(desk: Desk) -> Agent:
        draws = Draws(mix(_DIE, task.seed, stream.index, desk.request))
        place = known.choice(desk.odds(desk.read(), known.selector))
        run = Run(desk, known.graphs[place].template)
        branch = yield from carry_out(run)
        assert branch is not None, "each graph of the library ends in an answer"
        branches: list[Branch] = [branch]
        sures: list[float | None] = [None]
        graph = run.graph
        for left in range(EDITS, 0, -1):
            answers: list[Any] = [desk.answer(one) for one in branches]
            failed = bool(tokens.FAULTS & {*desk.words(branches[-1])})
            state = state_of(sures[-1], failed, answers, left)
            edit = draws.below(3) if point["edits"] == "die" else int(known.edits[state])
            if edit == STOP:
                break
            if edit == VERIFY:
                (sures[-1],) = yield desk.check([branches[-1]])
                graph = _grown(graph, "verify")
                continue
            policy = POLICIES[(len(branches) - 1) % len(POLICIES)]
            branches.append(desk.begin_at("chk", policy))
            sures.append(None)
            yield desk.finish(branches[-1:])
            graph = _grown(graph, f"solve chk{policy and f' of {policy}'}")
        desk.note(graph)
        desk.offer(branches[best_of([desk.answer(one) for one in branches], sures)])

    return task.serve(stream, agent)


def _grown(graph: RealisedGraph, label: str) -> RealisedGraph:
    """Return a graph with one more operator behind its last one, which reads no word."""
    last = len(graph.nodes) - 1
    return replace(graph, nodes=(*graph.nodes, label), edges=(*graph.edges, (last, last + 1, 0)))
