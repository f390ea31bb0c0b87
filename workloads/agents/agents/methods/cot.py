"""Chain of thought: the mode `cot` is forced, and the policy writes every step itself, in one call.

One call and no tool: what the paper counts the calls of its agents against.

**What to expect.** Written before measuring: sums of two to four operations 0.95, facts never.

**Ways to fake it.** Facts in the weights; a chain whose results a calculator writes.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.agents.substrate.agent_server import Load
from adabench.workloads.agents.agents.substrate.desk import Agent, Desk
from adabench.workloads.agents.agents.substrate.request_stream import Ids, Stream
from adabench.workloads.agents.agents.substrate.stream_task import AgentStreams

CARD = Card(
    title="Chain of thought",
    adapts="nothing",
    role="static",
    knobs=(Knob("qps", (0.0,), 0.0, open=True, low=0.0),),
)


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of a chain of thought."""
    return task.serve(stream, reasoned, Load(float(point["qps"])))


def reasoned(desk: Desk) -> Agent:
    """Think, and state an answer."""
    branch = desk.begin("cot")
    yield desk.finish([branch])
    desk.offer(branch)
