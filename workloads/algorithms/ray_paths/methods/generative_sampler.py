"""A generative sampler: a network proposes which sequences of objects are traced.

    P(next object i | state s) = F(s -> s i) / sum over allowed j of F(s -> s j)

A generative flow network. Flows are trained to be conserved, with a reward of 1 at the end of a
path and 0 elsewhere, so that the drawn sequences are paths, in proportion. Input are the
triangles' vertices in a frame in which TX is (0, 0, 0) and RX is (0, 0, 1): translation, scale
and rotation about the vertical change nothing, nor does the order of the objects, and n may
differ from the training's. The granularity is one query; the knob is the number M of candidates.
Repeats are dropped, and the rest is traced.

Trained as in the paper: flow matching, on draws of its own, and on a replay buffer of those of them
that were paths (`train_flow_matching.py`). `taught_sampler` is the same network with a teacher.

**Simplifications.** E = 64 and W = 128, half the paper's. Adam, not Muon. 54,400 streets for two
reflections and 144,000 for three, not 500,000 episodes. Physics mask as in the paper: the second
object has a vertex on the transmitter's side of the first one's plane. No distance weighting.

**What to expect.** Written before measuring, from the card: hit rate 0.6 at M = 20 is a guess; at
K = 2 it loses against compiled enumeration in time, as a forward pass costs milliseconds.

**Ways to fake it.** Test scenes from the training's stream; scenes without a path counted as hit;
accuracy sold as coverage; timing without tracing; a mask made of true visibility; a teacher.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.ray_paths.substrate.flow_network import proposer
from adabench.workloads.algorithms.ray_paths.substrate.replay import RayPaths, Tracing
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case
from adabench.workloads.algorithms.ray_paths.substrate.trained_flows import network_on

CARD = Card(
    title="Generative path sampler",
    paper="Transform-Invariant Generative Ray Path Sampling, arXiv 2603.01655, March 2026",
    slug="ray-paths",
    adapts="which sequences of objects are traced, by a network on the scene in a canonical frame",
    no_signal="another scene has other objects, and as many only by chance; `shuffled_sampler` renames what it draws",
    fidelity="reconstructed",
    knobs=(Knob("M", (5, 10, 20, 50, 100, 500), 20, open=True, low=1, high=100000),),
    skips_from="exhaustive",
)


def solve(task: RayPaths, case: Case, point: Point) -> Tracing:
    """Draw and trace."""
    network = network_on(case.order, case.seed, task.device)
    return task.trace(case, proposer(network, int(point["M"])))
