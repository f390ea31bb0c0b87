"""Attempts side by side: N first attempts of the policy that revises, and no revision at all.

What revisions are held against at equal selection: the same policy, the same judge, the same N, and nobody
reads what another one wrote. It is `revisions` at a ratio of 0, with the same first attempts.

**What to expect.** Written before measuring: a few points above `judged_vote` of the policy that it was
trained from at the same N, since right attempts of its own are what it was trained on.

**Ways to fake it.** The untrained policy, or another selection, in its place.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.attempt_chains import choose, write_chains
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Attempts side by side",
    paper="Snell et al., Scaling LLM Test-Time Compute Optimally, arXiv 2408.03314, 2024",
    adapts="nothing: N attempts at every question",
    role="static",
    abilities=(Ability("revisions"),),
    knobs=(
        Knob("N", (1, 4, 16, 64), 16, open=True, low=1),
        Knob("by", ("judge", "majority"), "judge", also=("last",)),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the attempt that is answered with.

    Raises:
        CapabilityMissing: if no policy was trained on attempts of this one.
    """
    with task.session(question, revising=True) as session:
        chains = write_chains(session, int(point["N"]), 1)
        session.offer(choose(session, chains, str(point["by"])))
    return session.best
