"""The generative sampler with a teacher: it learns from paths that a search found.

The network, the frame, the mask and the draws of `generative_sampler`, and another training signal.
For one and two reflections an exhaustive search of the training streets fills the replay buffer with
all their paths, in place of what the sampler itself hit upon (`train_flow_matching.py`). For three,
known paths are all there is: their likelihood is raised, no flow is matched and nothing is drawn
(`train_likelihood.py`).

It needs a search in training, which is what the paper does without, so it is no reproduction of it.
What it shows is how much of a gap is the signal and how much the network.

**Simplifications.** As there. 54,400 streets for two reflections.

**What to expect.** Written before measuring, from the card: hit rate 0.6 at M = 20 is a guess; at
K = 2 it loses against compiled enumeration in time, as a forward pass costs milliseconds.

**Ways to fake it.** As there; and passing it for the paper's.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.ray_paths.substrate.flow_network import proposer
from adabench.workloads.algorithms.ray_paths.substrate.replay import RayPaths, Tracing
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case
from adabench.workloads.algorithms.ray_paths.substrate.trained_flows import network_on

CARD = Card(
    title="Sampler taught by a search",
    paper="our own variant: the network of arXiv 2603.01655 with another training signal",
    adapts="which sequences of objects are traced, by a network that learned from known paths",
    no_signal="another scene has other objects, and as many only by chance; `shuffled_sampler` renames what it draws",
    fidelity="special-case",
    knobs=(Knob("M", (5, 10, 20, 50, 100, 500), 20, open=True, low=1, high=100000),),
    skips_from="exhaustive",
)


def solve(task: RayPaths, case: Case, point: Point) -> Tracing:
    """Draw and trace."""
    network = network_on(case.order, case.seed, task.device, taught=True)
    return task.trace(case, proposer(network, int(point["M"])))
