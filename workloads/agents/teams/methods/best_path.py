"""Oracle: the mode and the policy that are right most often on other draws of the same request. Drawn dotted.

Every mode of every policy answers several times by drawn words, in a stream whose costs nobody counts. The one that is right
most often, the cheapest of equals, answers once more, greedily: that is its answer and its cost. No try of several wins by luck,
for the episode that counts is none of those that were looked at.

**What to expect.** Written before measuring: 0.9, above a table by kind, since it sees which requests have a row to choose.

**Ways to fake it.** Choosing on the very episode that counts; reporting it as a method.
"""

from itertools import product

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.substrate.agent_session import MODE_NAMES
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import GradedStreams
from adabench.workloads.agents.teams.substrate.paths import POLICIES, Path, answering, machine

CARD = Card(
    title="Oracle: the path that is right most often on other draws",
    adapts="which mode of which policy answers a request, told how often each is right",
    role="oracle",
    oracle="bound",
    knobs=(Knob("draws", (4,), 4, open=True, low=1),),
)
SINGLE = tuple(Path(mode, policy, "none") for mode, policy in product(MODE_NAMES, POLICIES))
"""From the cheapest mode on."""


def solve(task: GradedStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return what the paths answer that are right most often on other draws."""
    rights = right_by_path(task, stream, int(point["draws"]))
    best = [max(SINGLE, key=own.__getitem__) for own in rights]
    return task.serve(stream, answering(iter(best)))


def right_by_path(task: GradedStreams, stream: Stream, draws: int) -> list[dict[Path, int]]:
    """Return for each request how many drawn episodes of each single path are right."""
    found: list[dict[Path, int]] = [{} for _ in stream.prompts]

    def agent(desk: Desk) -> Agent:
        begun = {path: desk.begin_at(path.mode, machine(path.policy)) for path in SINGLE}
        drawn = {path: desk.fork(branch, draws) for path, branch in begun.items()}
        yield desk.finish([branch for branches in drawn.values() for branch in branches], 1.0)
        for path, branches in drawn.items():
            words = map(desk.words, branches)
            right = sum(task.credit(stream, desk.request, one) for one in words)
            found[desk.request][path] = right

    task.aside(stream).serve(stream, agent)
    return found
