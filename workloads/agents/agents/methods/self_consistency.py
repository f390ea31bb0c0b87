"""Self-consistency: n samples side by side, and the answer that most of them state.

What agents with reflections must be held against at equal words, and the paper leaves out. `mode` says what is
sampled: episodes with tools (`act`), or chains of thought (`cot`), which know no facts. Samples are drawn in
one batch at temperature 1; a declared failure has no vote.

**What to expect.** Written before measuring, from a prototype: on facts 0.69 at eight episodes and 0.60 at three,
which cost what Reflexion with two reflections does.

**Ways to fake it.** Samples that are counted once; votes of episodes that declared failure.
"""

from collections import Counter
from typing import Any

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams

CARD = Card(
    title="Self-consistency",
    adapts="nothing: so many samples, and a vote",
    role="static",
    abilities=(Ability("samples"),),
    knobs=(
        Knob("n", (2, 3, 5, 8), 3, open=True, low=1),
        Knob("mode", ("act",), "act", also=("cot",)),
        Knob("qps", (0.0,), 0.0, open=True, low=0.0),
    ),
)


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of a vote."""
    samples, mode = int(point["n"]), str(point["mode"])

    def agent(desk: Desk) -> Agent:
        branches = desk.fork(desk.begin(mode), samples)
        yield desk.finish(branches, 1.0)
        votes: Counter[Any] = Counter(
            answer for answer in map(desk.answer, branches) if answer is not None
        )
        winner = votes.most_common(1)[0][0] if votes else None
        desk.offer(next(one for one in branches if desk.answer(one) == winner))

    return task.serve(stream, agent, Load(float(point["qps"])))
