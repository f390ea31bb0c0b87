"""A table by kind: the path that was worth most on labelled requests of the kind that the prompt shows.

    worth = share of right answers - price * words          on the training stream, of each of 36 paths

Family and size can be read off a question. Nothing is learned while serving, and no state is read: what every router is held against.

**What to expect.** Written before measuring: 0.86, chains for sums, `chk` for facts.

**Ways to fake it.** A table of the scored requests; a kind that is told, where it has to be read off the prompt.
"""

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.substrate.serving.desk import Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.teams.substrate.paths import PATHS, answering
from adabench.workloads.agents.teams.substrate.routers import router

CARD = Card(
    title="A table of paths by kind of request",
    paper="our own: what routers are held against",
    adapts="which path answers a request, by its kind",
    no_signal="a case is a stream, and kinds are of its requests: `random_path` knows none",
    knobs=(Knob("price", (0.001,), 0.001, open=True, low=0.0),),
)


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of each kind's path."""
    known = router(task)
    worth = known.by_kind - float(point["price"]) * known.words
    usual = int(np.argmax(worth.mean(axis=0)))
    kinds = [known.kind(prompt) for prompt in stream.prompts]
    best = [usual if kind is None else int(np.argmax(worth[kind])) for kind in kinds]
    return task.serve(stream, answering(PATHS[place] for place in best))
