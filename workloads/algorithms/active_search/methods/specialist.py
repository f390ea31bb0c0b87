"""Specialists: for each class the policy that was trained against that class alone. It is told r.

    L(r) = loss of its specialist in the worst case with C(theta) <= r

The reference envelope of the task: gaps are measured from here. It is an oracle of the kind
`bound`, for it knows the class (under the prior it is the prior-trained policy), and it is an
estimate: a short training and a search that is not exhaustive. A policy below it has a negative
gap.

**What to expect.** No gap, by construction: the envelope is this, run by the task's own code.

**Ways to fake it.** Fewer updates for it than for the robust policy: offsets too large, a gap that
flatters. Both get the same start and the same number of updates (`train_bandit.py`).
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Case, arms_only
from adabench.workloads.algorithms.active_search.substrate.bandits import Policy
from adabench.workloads.algorithms.active_search.substrate.replay import ActiveSearch, Answer
from adabench.workloads.algorithms.active_search.substrate.trained_policies import shipped_policies

CARD = Card(
    title="One specialist for each class",
    paper="Learning to Actively Learn: A Robust Approach, arXiv 2010.15382, 2020",
    adapts="the next arm, by a network trained for the class that it is told",
    role="oracle",
    oracle="bound",
    fidelity="reconstructed",
    conditions={"family": "suite"},
)


def policies(k: int) -> tuple[Policy, ...]:
    """Return the trained specialists of a class; -1 is the prior."""
    return shipped_policies("prior" if k < 0 else f"specialist-{k}")


def solve(task: ActiveSearch, case: Case, point: Point) -> Answer:
    """Play the case, told the class."""
    arms_only(case)
    return task.play_knowing(case, policies)
