"""Oracle: the desks that hold what a question is about, one after the other. Drawn dotted.

It reads the prompt's relations and knows who holds which. Desks follow each other as relations do, then once more for
episodes that went back to another row: nobody is asked who has nothing to say.

**What to expect.** Written before measuring: 0.85 of facts, at a tenth of the complete graph's words.

**Ways to fake it.** Reporting it as a method.
"""

from itertools import groupby

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.substrate.shards import SUBJECTS, holder
from adabench.workloads.agents.workflows.substrate.desk_graphs import (
    answer_by,
    chain_of,
    in_rounds,
)

CARD = Card(
    title="Oracle: the desks that hold what is asked",
    adapts="which desks answer, and in which order, told who holds what",
    role="oracle",
    oracle="bound",
    conditions={"desks": 6, "kinds": "arith,kb,mix", "faults": "none"},
)


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return what the holders of each request answer."""

    def agent(desk: Desk) -> Agent:
        owners = [holder(word, desk.desks) for word in desk.prompt if word in SUBJECTS]
        walk = tuple(place for place, _ in groupby(owners or [0]))
        yield from answer_by(desk, in_rounds(chain_of(walk), 2))

    return task.serve(stream, agent)
