"""The prior-trained policy: the same network, trained for the mean loss under a prior.

The meta-learner that the paper argues against: means are independent standard Gaussians, drawn
anew in each update, and the loss is the average. As many updates as the robust policy, the
start included.

**What to expect.** The best on average under its own prior; above the specialists in the worst
case of the classes that the prior seldom shows, the easiest among them.

**Ways to fake it.** A prior that nobody would choose; fewer updates.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Case
from adabench.workloads.algorithms.active_search.substrate.replay import ActiveSearch, Answer
from adabench.workloads.algorithms.active_search.substrate.trained_policies import shipped_policies

CARD = Card(
    title="Meta-learner under a prior",
    paper="the existing approach that arXiv 2010.15382 compares with",
    adapts="the next arm, by a network trained for the average under a prior",
    no_signal="it reads the answers to its own queries, inside one compiled loop; `random_arm` reads none",
    fidelity="reconstructed",
)


def solve(task: ActiveSearch, case: Case, point: Point) -> Answer:
    """Play the case."""
    return task.play(case, *shipped_policies("prior", case.problem))
