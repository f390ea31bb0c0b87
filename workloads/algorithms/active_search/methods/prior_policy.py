"""The prior-trained policy: the same network, trained for the mean loss under a prior.

The meta-learner that the paper argues against: means are independent standard Gaussians, drawn
anew in each update, and the loss is the average. As many updates as the robust policy, the
start included.

**What to expect.** The best on average under its own prior; above the specialists in the worst
case of the classes that the prior seldom shows, the easiest among them.

**What was seen.** Seeds 0..2, T = 20, five training seeds: under its own prior its loss is 0.999
[0.978, 1.010] times the robust policy's: undecided, and too near to 1 for more seeds. In 20
Questions 1.00 [0.98, 1.04], one training seed: undecided. Robustness costs nothing that can be seen
here, as it gains nothing (`learned_policy`). Worst gap 0.004 to 0.006, at C = 5.6 or 32. With 230
updates it was behind even at home (1.05 [1.01, 1.11]).

**Ways to fake it.** A prior that nobody would choose; fewer updates.
"""

from adabench.harness.contract.card import Card, Claim, Point, Ratio
from adabench.workloads.algorithms.active_search.substrate.bandit_families import Case
from adabench.workloads.algorithms.active_search.substrate.replay import ActiveSearch, Answer
from adabench.workloads.algorithms.active_search.substrate.trained_policies import trained

CARD = Card(
    title="Meta-learner under a prior",
    paper="the existing approach that arXiv 2010.15382 compares with",
    adapts="the next arm, by a network trained for the average under a prior",
    fidelity="reconstructed",
    claims=(
        Claim(
            id="LA-prior",
            says="Under its own prior it has a lower loss than the robust policy.",
            paper="expected: robustness costs something",
            expect=Ratio("loss", against="learned_policy", high=1.0, groups=("prior",)),
        ),
        Claim(
            id="LA-prior-q",
            says="In 20 Questions it has a lower average loss than the robust policy.",
            paper="expected: robustness costs something",
            expect=Ratio(
                "loss",
                against="learned_policy",
                high=1.0,
                where={"family": "questions"},
                groups=("questions",),
            ),
        ),
    ),
)


def solve(task: ActiveSearch, case: Case, point: Point) -> Answer:
    """Play the case."""
    return task.play(case, *trained("prior", case.problem))
