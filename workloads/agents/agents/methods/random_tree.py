"""A tree whose nodes a die chooses: the control of trees that value them.

Children, iterations, critic and reflections are those of LATS; in selection and in simulation any child is as
likely as another.

**What to expect.** Written before measuring: LATS's accuracy less two points.

**Ways to fake it.** A die that sees the values.
"""

from collections.abc import Sequence
from itertools import count

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.agents.agents.substrate.search_tree import Node, SearchPlan, search
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.shared.language_model.contract import mix

CARD = Card(
    title="A tree whose nodes a die chooses",
    adapts="which step is gone on from, by a die",
    role="control",
    control_of=("lats",),
    abilities=(Ability("values"),),
    knobs=(
        Knob("children", (1, 5), 5, open=True, low=1),
        Knob("iterations", (4,), 4, open=True, low=1),
        Knob("accept", (0.9,), 0.9, open=True, low=0.0, high=1.0),
        Knob("qps", (0.0,), 0.0, open=True, low=0.0),
    ),
)
_DIE = 0xD1E7


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers that the critic was surest of."""

    def agent(desk: Desk) -> Agent:
        throws = count()

        def thrown(nodes: Sequence[Node]) -> Node:
            number = mix(_DIE, task.seed, stream.index, desk.request, next(throws))
            return nodes[number % len(nodes)]

        plan = SearchPlan(
            int(point["children"]), int(point["iterations"]), float(point["accept"]),
            thrown, thrown,
        )  # fmt: skip
        yield from search(desk, plan)

    return task.serve(stream, agent, Load(float(point["qps"])))
