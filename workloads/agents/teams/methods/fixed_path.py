"""A fixed path: one mode, one policy and one check for every request.

**What to expect.** Written before measuring, from `lookup`: by `chk` of `s` 0.79, by `act` 0.68, a chain 0.41, at once 0.2. A critic or
a vote adds some points to `chk` at twice to three times the words.

**Ways to fake it.** The best of 36 paths, chosen on the stream that is scored.
"""

from itertools import repeat

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.agents.substrate.serving.desk import Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.teams.substrate.paths import Path, answering

CARD = Card(
    title="A fixed path",
    adapts="nothing",
    role="static",
    knobs=(
        Knob("mode", ("chk", "act", "cot", "dir"), "chk"),
        Knob("agent", ("s",), "s", also=("apo", "flat")),
        Knob("check", ("none",), "none", also=("critic", "vote")),
    ),
    variants=(
        Variant(
            "strongest",
            "The dearest path",
            {"mode": "chk", "check": "vote"},
            role="static",
            adapts="nothing",
            essay="""The dearest path: tools with a way back, three times, and a vote.

            **What to expect.** Written before measuring: 0.83, at three times the words of one episode.

            **Ways to fake it.** Votes that are counted once.
            """,
        ),
    ),
)


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of one path."""
    path = Path(str(point["mode"]), str(point["agent"]), str(point["check"]))
    return task.serve(stream, answering(repeat(path)))
