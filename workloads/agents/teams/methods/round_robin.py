"""Weighted round robin: what may answer takes turns, each as often as its weight says.

    paths      all 36 of them, by the share of right answers of each on labelled requests
    policies   three of them, each by its best path on labelled requests: a stronger rival than a plain balancer

Smooth: each turn adds all weights to what everybody has saved up; who has most serves, and pays the sum.

**What to expect.** Written before measuring: 0.55 over paths, 0.72 over policies. Machines are equally busy, whatever comes.

**Ways to fake it.** Paths that no one would choose.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.substrate.serving.desk import Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.teams.substrate.paths import PATHS, POLICIES, answering
from adabench.workloads.agents.teams.substrate.routers import router

CARD = Card(
    title="Weighted round robin",
    paper="the stress baseline of AMRO-S, arXiv 2603.12933",
    adapts="nothing",
    role="static",
    knobs=(Knob("over", ("paths", "policies"), "paths"),),
)


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of paths in turn."""
    shares = router(task).by_kind.mean(axis=0)
    among = list(range(len(PATHS)))
    if point["over"] == "policies":
        own = [[place for place in among if PATHS[place].policy == name] for name in POLICIES]
        among = [max(places, key=shares.__getitem__) for places in own]
    return task.serve(stream, answering(PATHS[among[turn]] for turn in turns(shares[among])))


def turns(weights: npt.NDArray[np.float64]) -> Iterator[int]:
    """Yield whose turn it is, without end."""
    saved = np.zeros(len(weights))
    while True:
        saved += weights
        turn = int(np.argmax(saved))
        saved[turn] -= weights.sum()
        yield turn
