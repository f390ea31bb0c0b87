"""Chain of thought: the mode `cot` is forced, and the policy writes every step itself, in one call.

One call and no tool: what the paper counts the calls of its agents against.

**What to expect.** Written before measuring: sums of two to four operations 0.95, facts never.

**Ways to fake it.** Facts in the weights; a chain whose results a calculator writes.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams

CARD = Card(
    title="Chain of thought",
    adapts="nothing",
    role="static",
    knobs=(Knob("qps", (0.0,), 0.0, open=True, low=0.0),),
    fixed={"mode": "cot"},
    variants=(
        Variant(
            "direct",
            "Answers at once",
            {"mode": "dir"},
            role="static",
            adapts="nothing",
            essay="""Answers at once: the mode `dir` is forced, and the policy states the answer in one call.

            The single turn of a chatbot, which the paper holds its agents against.

            **What to expect.** Written before measuring: facts never (a gate of the policy), one operation nearly always.

            **Ways to fake it.** Facts in the weights.
            """,
        ),
    ),
)


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of one call each, in the mode that is forced."""

    def agent(desk: Desk) -> Agent:
        branch = desk.begin(str(point["mode"]))
        yield desk.finish([branch])
        desk.offer(branch)

    return task.serve(stream, agent, Load(float(point["qps"])))
