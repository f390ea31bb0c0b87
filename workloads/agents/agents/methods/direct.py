"""Answers at once: the mode `dir` is forced, and the policy states the answer in one call.

The single turn of a chatbot, which the paper holds its agents against.

**What to expect.** Written before measuring: facts never (a gate of the policy), one operation nearly always.

**Ways to fake it.** Facts in the weights.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.agents.substrate.agent_server import Load
from adabench.workloads.agents.agents.substrate.desk import Agent, Desk
from adabench.workloads.agents.agents.substrate.request_stream import Ids, Stream
from adabench.workloads.agents.agents.substrate.stream_task import AgentStreams

CARD = Card(
    title="Answers at once",
    adapts="nothing",
    role="static",
    knobs=(Knob("qps", (0.0,), 0.0, open=True, low=0.0),),
)


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers that are stated at once."""
    return task.serve(stream, answered, Load(float(point["qps"])))


def answered(desk: Desk) -> Agent:
    """State an answer."""
    branch = desk.begin("dir")
    yield desk.finish([branch])
    desk.offer(branch)
