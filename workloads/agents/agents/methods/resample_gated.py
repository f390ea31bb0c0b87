"""Best of n by the label: episodes are drawn until one is right. No competitor, drawn dotted.

The label access of Reflexion's released driver, and nothing else: what a gated Reflexion is worth must show
against it.

**What to expect.** Written before measuring, from a prototype: on facts 0.63 at two and 0.80 at five episodes;
much of it by luck, since each episode chooses at random at every pair of rows.

**Ways to fake it.** Reporting it as a method.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import GradedStreams

CARD = Card(
    title="Best of n, by the label",
    adapts="how many episodes a question gets, told whether the answer is right",
    role="oracle",
    oracle="bound",
    wins_by_luck=True,
    abilities=(Ability("samples"),),
    knobs=(Knob("n", (2, 3, 5), 3, open=True, low=1),),
)


def solve(task: GradedStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the first right answers, else the last."""
    episodes = int(point["n"])

    def agent(desk: Desk) -> Agent:
        for _ in range(episodes):
            branch = desk.begin("act")
            yield desk.finish([branch], 1.0)
            desk.offer(branch)
            if task.credit(stream, desk.request, desk.words(branch)):
                break

    return task.serve(stream, agent)
