"""LLMCompiler: a planner writes all calls ahead, they run while it still writes, and a joiner answers or has it plan again.

    plan     calls with placeholders for results to come: `H2 K1 w1 H1 r2`, one call of the model
    run      each call as soon as its placeholders are settled, in a thread beside the planner
    join     what the calls returned is read; an answer, a declared failure, or another plan

The planner is a policy of its own (`agent-plan-s`), of the size of ReAct's, trained on plans that a script wrote
in worlds of trainings. It knows the question alone when it plans: where a relation turns out to have two rows,
its placeholder had said beforehand which is meant. A call that failed comes back to the joiner.

**What is simplified.** Planner and joiner are one policy, which goes on behind its own plan; the paper's joiner
has a prompt of its own. Questions are chains, so no two calls of a plan run side by side: what overlaps is the
plan's own writing.

**Two cores.** A tool's thread needs a core beside the model's. On one the model waits for its own tools, which counts as
disturbed (`profilers/timing/disturbance.py`), and no share of overlap is given.

**What to expect.** Written before measuring. Accuracy of ReAct on facts, within five points, and 0.95 on sums, whose calculator it
calls by a plan. Calls of the model: 2.5 where ReAct has 4.6, two and a plan again where a tool failed. Half of
ReAct's words or less are read anew. Overlap: the first calls of a plan of two to four only, for later ones wait for results:
at tools as slow as the paper's (`entries` 300,000) a tenth of the latency, where the paper has 18.2 %; at tools of
microseconds two hundredths. On one core a scan beside the model slows it: no time is saved by streaming.

**Ways to fake it.** Overlap that is worked out from two durations; calls made before their words are written;
a plan by a script; a joiner that knows the label.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams

CARD = Card(
    title="LLMCompiler",
    paper="The Cost of Dynamic Reasoning, arXiv 2506.04301; LLMCompiler, arXiv 2312.04511",
    slug="agents-cost",
    adapts="nothing: calls are planned from the question, and planned again where one failed",
    role="static",
    fidelity="reconstructed",
    abilities=(Ability("plans"),),
    knobs=(
        Knob("ahead", ("on", "off"), "on"),
        Knob("plans", (4,), 4, open=True, low=1),
        Knob("entries", (0, 300_000), 0, open=True, low=0),
        Knob("qps", (0.0,), 0.0, open=True, low=0.0),
    ),
)  # fmt: skip


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of joiners."""
    plans, ahead = int(point["plans"]), point["ahead"] == "on"

    def agent(desk: Desk) -> Agent:
        branch = desk.begin("plan")
        for _ in range(plans):
            yield desk.plan([branch], ahead=ahead)
            yield desk.advance([branch])
            if desk.ended(branch):
                break
        desk.offer(branch)

    load = Load(float(point["qps"]), entries=int(point["entries"]))
    return task.serve(stream, agent, load, planner=True)
