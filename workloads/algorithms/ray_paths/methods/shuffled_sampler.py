"""Control: the sampler's candidates, with the names of the objects shuffled.

The network runs as ever, and what it draws is renamed by a random permutation of the scene's
triangles. As many candidates, as many repeats and the same time, so the same rate to the last
candidate; what is lost is *which* objects.

**What to expect.** The blind rate, M / N.

**Ways to fake it.** Fewer candidates than the sampler's.
"""

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.ray_paths.substrate.flow_network import canonical, sample
from adabench.workloads.algorithms.ray_paths.substrate.replay import RayPaths, Tracing
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case, Ints, Query
from adabench.workloads.algorithms.ray_paths.substrate.trained_flows import network_on

CARD = Card(
    title="Sampler with shuffled names",
    paper="our own control",
    adapts="nothing: which objects are traced is drawn",
    role="control",
    knobs=(Knob("M", (5, 10, 20, 50, 100, 500), 20, open=True, low=1, high=100000),),
)


def solve(task: RayPaths, case: Case, point: Point) -> Tracing:
    """Draw, rename, and trace."""
    network, number = network_on(case.order, case.seed), int(point["M"])

    def propose(query: Query) -> Ints:
        rng = np.random.default_rng(query.coins)
        drawn = sample(network, canonical(query.triangles, query.tx, query.rx), number, rng)
        names: Ints = rng.permutation(len(query.triangles))[drawn]
        return names

    return task.trace(case, propose)
