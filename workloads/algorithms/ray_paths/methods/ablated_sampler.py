"""The sampler with one of its three parts left out in training: replay, exploration or the mask.

    without="replay"        no known paths in the loss
    without="exploration"   trajectories by the flows alone, none drawn evenly
    without="mask"          any second object, in training and here

Everything else is the same: scenes, steps, rate, training seed 0. For two reflections only. The
paper says that each is needed for many reflections.

**What to expect.** Without replay little: one candidate in 1,600 is a path, and the sampler's own
draws seldom meet one at first. Without the mask candidates that are no paths.

**What was seen.** Two reflections, M = 20, streets, 3,400 steps each, training seed 0. Seeds 0..9,
hit rate and accuracy (the whole sampler of that seed: 0.779 and 0.326):

    without replay        0.031   0.004     RP-4c: 27 [20, 35] times less, reproduced
    without the mask      0.758   0.284     RP-4b: accuracy 1.13 [1.12, 1.15], reproduced
    without exploration   0.778   0.338     RP-4d: 1.00 [0.99, 1.02], undecided

At seeds 100..119 33 [23, 58], 1.14 [1.13, 1.16] and 1.00 [0.99, 1.01]. With three trainings of the
whole sampler by turns, against the one of each ablation: 27 [20, 35], 1.15 [1.13, 1.16] and 1.00
[0.99, 1.02] at seeds 0..9, 33 [23, 58], 1.16 [1.15, 1.17] and 1.00 [0.99, 1.01] at 100..119.
Replay is all: the known paths are the exhaustive tracer's here, not the sampler's own as in the
paper, so this says more than the paper's ablation would. The mask helps a little. Exploration,
where replay shows the paths anyway, does nothing that can be seen; on its own 200 streets it did
worse with it (0.768 against 0.788), less than two more trainings of the whole differ by (0.785 and
0.764). One training seed of each ablation: intervals are over scenes.

**Ways to fake it.** Fewer steps for what is left out; another seed; a mask in use that training
did not have.
"""

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.ray_paths.substrate.flow_network import (
    canonical,
    sample,
)
from adabench.workloads.algorithms.ray_paths.substrate.replay import RayPaths, Traced
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case, Ints, Query
from adabench.workloads.algorithms.ray_paths.substrate.trained_flows import ablated

CARD = Card(
    title="Sampler with a part left out",
    paper="ablation of arXiv 2603.01655",
    adapts="which sequences of objects are traced, by a network that was trained with less",
    fidelity="reconstructed",
    knobs=(
        Knob("without", ("replay", "exploration", "mask"), "replay"),
        Knob("M", (20,), 20, open=True, low=1, high=100000),
    ),
    conditions={"K": 2},
)


def solve(task: RayPaths, case: Case, point: Point) -> Traced:
    """Draw and trace."""
    without, number = str(point["without"]), int(point["M"])
    network, masked = ablated(case.order, without), without != "mask"

    def propose(query: Query) -> Ints:
        coords = canonical(query.triangles, query.tx, query.rx)
        rng = np.random.default_rng(query.coins)
        return sample(network, coords, number, rng, mask=masked)

    return task.trace(case, propose)
