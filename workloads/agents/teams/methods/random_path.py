"""A random path: a die takes one node of each layer for each request. The control of every router.

The die knows the request's place and the run's seed.

**What to expect.** Written before measuring: the mean of 36 paths, about 0.5.

**Ways to fake it.** A die that is thrown again until the answer is good.
"""

from collections.abc import Iterator

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.substrate.serving.desk import Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.teams.substrate.paths import PATHS, Path, answering
from adabench.workloads.shared.language_model.contract import mix

CARD = Card(
    title="A path by a die",
    adapts="which path a request takes, by a die",
    role="control",
)
_DIE = 0xD1CE


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of paths that a die chose."""
    return task.serve(stream, answering(thrown(task.seed, stream)))


def thrown(seed: int, stream: Stream) -> Iterator[Path]:
    """Yield a path for each request, as it is begun."""
    for place in range(len(stream.prompts)):
        yield PATHS[mix(_DIE, seed, stream.index, place) % len(PATHS)]
