"""The robust policy: learned against adversaries in classes of difficulty, not under a prior.

    C(theta) = min over allocations of max over arms of (1 / l_i + 1 / l_best) / gap_i^2
    L(r)     = min over policies of max over theta with C(theta) <= r of loss
    policy   = argmin over policies of max over r of [max over theta in r of loss - L(r)]

One policy that loses as little as it can against each class's specialist. C is what lower bounds
are made of, so classes are of equal difficulty and no prior is needed. The signal is all answers
so far, as counts and means of the arms; the granularity is one query. `train_bandit.py` has the
algorithm: REINFORCE for the policy, particles that climb their loss for the adversary.

**Simplifications.** One small MLP of two layers of 16 for all arms alike, so nothing depends on how
arms are numbered. Particles stay on the boundary C = r by rescaling. 1,300 updates of 512 episodes;
the card speaks of 2,000 to 4,000 and of layers of 128. The offsets are what specialists lose in
training, where policies draw. In hunts (thresholds, 20 Questions) there are no specialists: the
offsets are soft binary search's losses, one training seed, 800 updates of 256 episodes
(`train_hypothesis.py`). Decision rule: the task's, for all.

**What to expect.** Written before measuring: the gap is below the prior-trained policy's, by how
much is open; differences among good policies are small with 20 queries for 10 arms.

**Ways to fake it.** Searching the worst case among the training's particles or not at all; leaving
out the offsets (`minimax` shows what comes of it); fewer updates for the specialists; telling
it the class; another decision rule than the others'.
"""

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Case, arms_only
from adabench.workloads.algorithms.active_search.substrate.replay import ActiveSearch, Answer
from adabench.workloads.algorithms.active_search.substrate.trained_policies import shipped_policies

CARD = Card(
    title="Robust learned policy",
    paper="Learning to Actively Learn: A Robust Approach, arXiv 2010.15382, 2020",
    slug="learn-to-learn-actively",
    adapts="the next arm, by a network trained against the worst case in classes of difficulty",
    no_signal="it reads the answers to its own queries, inside one compiled loop; `random_arm` reads none",
    fidelity="reconstructed",
    fixed={"policy": "robust"},
    variants=(
        Variant(
            "prior_policy",
            "Meta-learner under a prior",
            {"policy": "prior"},
            role="adaptive",
            paper="the existing approach that arXiv 2010.15382 compares with",
            adapts="the next arm, by a network trained for the average under a prior",
            essay="""The prior-trained policy: the same network, trained for the mean loss under a prior.

            The meta-learner that the paper argues against: means are independent standard Gaussians, drawn
            anew in each update, and the loss is the average. As many updates as the robust policy, the
            start included.

            **What to expect.** The best on average under its own prior; above the specialists in the worst
            case of the classes that the prior seldom shows, the easiest among them.

            **Ways to fake it.** A prior that nobody would choose; fewer updates.
            """,
        ),
        Variant(
            "minimax",
            "Minimax without offsets",
            {"policy": "specialist-4"},
            role="adaptive",
            paper="ablation of arXiv 2010.15382",
            adapts="the next arm, by a network trained against the hardest class",
            conditions={"family": "suite"},
            essay="""Plain minimax: the policy that minimises the worst loss over everything, without offsets.

            The ablation: leave out L(r), and the largest loss is always that of the hopeless class, so the
            policy trained against that class alone is the answer. It is the specialist of C = 1000, played
            everywhere. In easy classes nobody told it what to do.

            **What to expect.** No gap in the hopeless class, a larger one than the robust policy's in others.

            **Ways to fake it.** None: it is what is left when the offsets are.
            """,
        ),
    ),
)  # fmt: skip


def solve(task: ActiveSearch, case: Case, point: Point) -> Answer:
    """Play the case."""
    policy = str(point["policy"])
    if policy.startswith("specialist"):
        arms_only(case)
    return task.play(case, *shipped_policies(policy, case.problem))
