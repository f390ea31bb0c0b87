"""ReAct: the policy calls a tool, reads what it says, and calls the next one, until it answers.

    loop   thought and action, up to `=`     one call of the model
           what the tool said                is put behind it
    ends   on an answer, a declared failure, or after `steps` actions

How many calls a question gets follows from what comes back: a call that failed is made again or by another
tool, a dead end ends it. Two rows are taken by a draw of the policy's own; it does not look back.

**What is simplified.** A policy of 0.12 million weights writes the action without a thought in words.

**What to expect.** Written before measuring. Facts: 0.67, 0.57, 0.48 at 2, 3 and 4 hops, about 4.3 calls of the
model; `mix` 0.7; sums 0.75. Latency has a tail: episodes differ by their hops and their faults, p95 over
p50 about 1.6, against 1.3 of a chain that has one call. With a reuse of what was read the words read fall
to a third or a quarter, since contexts are short here and grow by each call. At rising rates the queue
grows; the answers stay the same to the bit. The model is idle for a third of the time at tools of
microseconds, and for more than half where a look-up reads a million rows.

**Ways to fake it.** A loop that counts calls and makes none; tools that say which row is right; a cache
that is counted and not run; a queue without requests that wait.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams

CARD = Card(
    title="ReAct",
    paper="The Cost of Dynamic Reasoning, arXiv 2506.04301; ReAct, arXiv 2210.03629",
    slug="agents-cost",
    adapts="nothing: how many calls there are follows from what tools return",
    role="static",
    fidelity="reconstructed",
    abilities=(Ability("table", unless={"entries": 0}),),
    knobs=(
        Knob("qps", (0.0, 1.0, 16.0, 256.0), 0.0, open=True, low=0.0),
        Knob("steps", (24,), 24, open=True, low=1),
        Knob("entries", (0, 100_000, 300_000, 1_000_000), 0, open=True, low=0),
    ),
)  # fmt: skip


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of one greedy episode each."""
    steps = int(point["steps"])

    def agent(desk: Desk) -> Agent:
        branch = desk.begin("act")
        for _ in range(steps):
            yield desk.advance([branch])
            if desk.ended(branch):
                break
        desk.offer(branch)

    return task.serve(stream, agent, Load(float(point["qps"]), entries=int(point["entries"])))
