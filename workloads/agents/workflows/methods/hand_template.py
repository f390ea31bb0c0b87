"""A hand-made template: tools, then a critic, and where it is not sure another policy with a way back.

One graph for every request, written down before any was seen. Its variants leave out the critic, or have two more policies and a
vote in its place: what a check buys, and what more agents do.

**What to expect.** Written before measuring (`docs/log/workflows.md`): 0.8 of facts, 0.6 of sums, since tools are not for these.

**Ways to fake it.** A template that was tuned on scored requests.
"""

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.workflows.substrate.desk_graphs import answer_by
from adabench.workloads.agents.workflows.substrate.library import (
    HAND,
    SINGLE,
    VOTES,
    library,
    mix_of,
)

CARD = Card(
    title="A hand-made template",
    paper="From Static Templates to Dynamic Runtime Graphs: A Survey of Workflow Optimization for LLM Agents, arXiv 2603.22386",
    slug="acg-survey",
    adapts="nothing",
    role="static",
    fixed={"graph": "hand"},
    variants=(
        Variant(
            "single_solve",
            "One episode with a way back",
            {"graph": "single"},
            role="static",
            adapts="nothing",
            essay="""Tools with a way back, once: the least graph that answers all kinds.

            **What to expect.** Written before measuring: 0.79 of all.

            **Ways to fake it.** A policy of another size.
            """,
        ),
        Variant(
            "three_votes",
            "Three policies and a vote",
            {"graph": "votes"},
            role="static",
            adapts="nothing",
            essay="""Tools with a way back by three policies, and what is stated most often.

            **What to expect.** Written before measuring: 0.80, at three times the words of one.

            **Ways to fake it.** Votes that are counted once.
            """,
        ),
        Variant(
            "searched_template",
            "A searched template",
            {"graph": "searched"},
            role="static",
            adapts="nothing on a request; which graph a mix of requests has was searched beforehand",
            essay="""The graph that twelve rounds of a search left on labelled requests of the same mix: sums alone, facts alone, or all. Which mix
            it is, prompts show. Words of that search are `training_words`.

            **What to expect.** Written before measuring: 0.97 of sums by a chain, 0.8 of facts, 0.8 of all.

            **Ways to fake it.** The best of several searches; a search for nothing.
            """,
        ),
    ),
)  # fmt: skip
MADE = {"hand": HAND, "single": SINGLE, "votes": VOTES}


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of one template."""
    name = str(point["graph"])
    if name in MADE:
        plan = MADE[name]
    else:
        known, place = library(task), mix_of(stream.prompts)
        task.book_training(known.search_words[place])
        plan = known.searched[place]

    def agent(desk: Desk) -> Agent:
        yield from answer_by(desk, plan.template)

    return task.serve(stream, agent)
