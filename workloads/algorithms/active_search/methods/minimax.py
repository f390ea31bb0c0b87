"""Plain minimax: the policy that minimises the worst loss over everything, without offsets.

The ablation: leave out L(r), and the largest loss is always that of the hopeless class, so the
policy trained against that class alone is the answer. It is the specialist of C = 1000, played
everywhere. In easy classes nobody told it what to do.

**What to expect.** No gap in the hopeless class, a larger one than the robust policy's in others.

**Ways to fake it.** None: it is what is left when the offsets are.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Case, arms_only
from adabench.workloads.algorithms.active_search.substrate.replay import ActiveSearch, Answer
from adabench.workloads.algorithms.active_search.substrate.trained_policies import shipped_policies

CARD = Card(
    title="Minimax without offsets",
    paper="ablation of arXiv 2010.15382",
    adapts="the next arm, by a network trained against the hardest class",
    no_signal="it reads the answers to its own queries, inside one compiled loop; `random_arm` reads none",
    fidelity="reconstructed",
    conditions={"family": "suite"},
)


def solve(task: ActiveSearch, case: Case, point: Point) -> Answer:
    """Play the case."""
    arms_only(case)
    return task.play(case, *shipped_policies("specialist-4"))
