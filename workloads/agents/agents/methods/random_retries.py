"""Random retries: the control of Reflexion.

After each episode there is another one with probability `rate`, and each is drawn at temperature 1;
the last one counts. No critic is asked and nothing is reflected on.

**What to expect.** Written before measuring: a single sampled episode's accuracy, whatever is spent.

**Ways to fake it.** Drawing again until the answer is good.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.shared.language_model.contract import mix

CARD = Card(
    title="Random retries",
    adapts="how often a question is tried again, at random",
    role="control",
    control_of=("reflexion",),
    abilities=(Ability("samples"),),
    knobs=(
        Knob("rate", (0.4,), 0.4, open=True, low=0.0, high=1.0),
        Knob("reflections", (1, 2, 4), 2, open=True, low=0),
        Knob("qps", (0.0,), 0.0, open=True, low=0.0),
    ),
)
_COIN = 0xC01


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the last answers."""
    trials, rate = int(point["reflections"]) + 1, float(point["rate"])

    def agent(desk: Desk) -> Agent:
        for trial in range(trials):
            branch = desk.begin("act")
            yield desk.finish([branch], 1.0)
            desk.offer(branch)
            if mix(_COIN, task.seed, stream.index, desk.request, trial) * 2.0**-64 >= rate:
                break

    return task.serve(stream, agent, Load(float(point["qps"])))
