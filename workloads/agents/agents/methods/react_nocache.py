"""ReAct on a server without a prefix cache: each call of the model reads its whole context anew.

Same policy, tools and words as ReAct's; the keys and values of an episode are dropped when a call begins, and
its words are run again.

**What to expect.** Written before measuring: the same answers to the bit, three to four times the words read.

**Ways to fake it.** Savings that are worked out and not run.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams

CARD = Card(
    title="ReAct without a prefix cache",
    adapts="nothing",
    role="static",
    knobs=(Knob("qps", (0.0,), 0.0, open=True, low=0.0),),
)


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of one greedy episode each."""
    return task.serve(stream, acted, Load(float(point["qps"]), reuse=False))


def acted(desk: Desk) -> Agent:
    """Call tools until there is an answer."""
    branch = desk.begin("act")
    yield desk.finish([branch])
    desk.offer(branch)
