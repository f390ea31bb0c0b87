"""The first right attempt of some chains of revisions, or the one behind it. The oracle, drawn dotted.

`returns=right`: a selector that is told which attempt is right. Nothing real chooses better among the
same attempts, so it bounds `revisions` at the same N and ratio.

`returns=next`: what a further revision makes of the first right attempt. Each chain has one attempt more,
which is returned at the earliest, so that every right one has a successor; both settings draw and pay for
it. The accuracy of this setting over that of the other is the share of right answers that survive.

**What to expect.** Written before measuring: of the right ones 85 % survive one more revision.

**Ways to fake it.** Reporting it as a method; leaving out right attempts that are followed by none.
"""

from itertools import pairwise

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.attempt_chains import sizes, write_chains
from adabench.workloads.test_time.substrate.question_task import GradedTask

CARD = Card(
    title="A right revision, or what becomes of it",
    paper="Snell et al., Scaling LLM Test-Time Compute Optimally, arXiv 2408.03314, 2024",
    slug="compute-optimal",
    adapts="which attempt is returned, told which is right",
    role="oracle",
    oracle="bound",
    abilities=(Ability("revisions"),),
    knobs=(
        Knob("N", (16,), 16, open=True, low=1),
        Knob("ratio", (0.5,), 0.5, open=True, low=0, high=1),
        Knob("returns", ("right", "next"), "right"),
    ),
)


def solve(task: GradedTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the first right attempt, the one behind it, or any where none is right."""
    later = int(point["returns"] == "next")
    chains, length = sizes(int(point["N"]), float(point["ratio"]))
    with task.session(question, revising=True) as session:
        pairs = [
            pair for chain in write_chains(session, chains, length + 1) for pair in pairwise(chain)
        ]
        right = (pair for pair in pairs if task.credit(question, pair[0].completion))
        session.offer(next(right, pairs[0])[later].completion)
    return session.best
