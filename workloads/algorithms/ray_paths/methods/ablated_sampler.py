"""The sampler with one of its three parts left out in training: replay, exploration or the mask.

    without="replay"        no known paths in the loss
    without="exploration"   trajectories by the flows alone, none drawn evenly
    without="mask"          any second object, in training and here

    teacher="own"           the replayed paths are what the sampler itself hit upon, as in the paper
    teacher="search"        an exhaustive search found them (`taught_sampler`)

Everything else is the same: scenes, steps, rate, training seed 0. For two reflections; without replay
a recipe for three is there too (`k3-noreplay-s0`). The paper says that each is needed for many
reflections.

**What to expect.** Without replay little: one candidate in 1,600 is a path, and the sampler's own
draws seldom meet one at first. Without the mask candidates that are no paths.

**Ways to fake it.** Fewer steps for what is left out; another seed; a mask in use that training
did not have.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.ray_paths.substrate.flow_network import proposer
from adabench.workloads.algorithms.ray_paths.substrate.replay import RayPaths, Tracing
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case
from adabench.workloads.algorithms.ray_paths.substrate.trained_flows import ablation_network

CARD = Card(
    title="Sampler with a part left out",
    paper="the ablations of arXiv 2603.01655",
    adapts="which sequences of objects are traced, by a network that was trained with less",
    fidelity="reconstructed",
    knobs=(
        Knob("without", ("replay", "exploration", "mask"), "replay"),
        Knob("teacher", ("own",), "own", open=True),  # the others are made by `adabench train`
        Knob("M", (20,), 20, open=True, low=1, high=100000),
    ),
    conditions={"K": 2},
)


def solve(task: RayPaths, case: Case, point: Point) -> Tracing:
    """Draw and trace."""
    without = str(point["without"])
    network = ablation_network(case.order, without, str(point["teacher"]))
    return task.trace(case, proposer(network, int(point["M"]), mask=without != "mask"))
