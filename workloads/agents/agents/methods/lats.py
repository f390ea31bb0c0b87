"""LATS: a tree search over the steps of an agent, with UCT, a value of each step, and reflections.

    select     the child of the highest V/N + c sqrt(ln N_parent / N), from the root down
    expand     `children` next steps, drawn in one batch; their tools answer together
    evaluate   a head on the policy's state; of an answer, the policy's own critic
    simulate   on from the best child, with as many children at each depth, to an end
    back up    what the critic says of the end
    reflect    on an end that is held to be wrong: what the policy says is in the prompt of another trunk

**What is simplified.** The value is a head's and no call of the model (the paper asks the model); equal
children are one. The released search ends by the label; here the critic ends it at `accept`.

**What to expect.** Written before measuring: 6 to 8 times the calls of ReAct, since each depth of the first
descent already has five; accuracy on facts 0.7, twelve points above ReAct and about that of independent
episodes with the same critic. On sums the critic was never trained, and it may gain nothing.

**Ways to fake it.** No statistics in the tree, which is best-of-n; children one after another; ending by
the label; a value that knows the world.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.agents.agents.substrate.search_tree import (
    SearchPlan,
    most_valued,
    search,
    uct,
)
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams

CARD = Card(
    title="LATS: tree search over an agent's steps",
    paper="The Cost of Dynamic Reasoning, arXiv 2506.04301; LATS, arXiv 2310.04406",
    slug="agents-cost",
    adapts="which step is gone on from, on visits and values of a tree",
    signal=(
        "agents.substrate.serving.served_request:ServedRequest.values",
        "agents.substrate.serving.served_request:ServedRequest.verdict",
    ),
    fidelity="reconstructed",
    abilities=(Ability("values"),),
    knobs=(
        Knob("children", (1, 5), 5, open=True, low=1),
        Knob("iterations", (4,), 4, open=True, low=1),
        Knob("accept", (0.9,), 0.9, open=True, low=0.0, high=1.0),
        Knob("qps", (0.0,), 0.0, open=True, low=0.0),
    ),
)
EXPLORATION = 1.0


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers that the critic was surest of."""
    plan = SearchPlan(
        int(point["children"]),
        int(point["iterations"]),
        float(point["accept"]),
        lambda nodes: uct(nodes, EXPLORATION),
        most_valued,
    )

    def agent(desk: Desk) -> Agent:
        yield from search(desk, plan)

    return task.serve(stream, agent, Load(float(point["qps"])))
