"""TTSPM: as many samples as a saturation law says are worth it, and a vote over them.

A pilot of k samples tells how much the model agrees with itself: m of them state the most frequent
answer. With a Beta prior, p = (m + alpha) / (k + alpha + beta) is how likely a further sample is to
state it too. The law F(N) = F_max (1 - (1 - p)^N) with F_max = 1 then says which sample gains no more
than `epsilon` (`saturation_law.py`):

    N* = ceil(ln(epsilon / p) / ln(1 - p))

The question gets N* samples in all, the pilot's among them, N at the most, and the vote decides.
`epsilon` is the dial: one value for all questions is water-filling.

**What is ours.** The paper fits p to graded answers, and its Hit@N counts a question as solved if any
sample is right. Nothing here knows what is right and no verifier picks the right one, so p comes from
agreement and the answer from a vote. The law itself is tested on `saturation`. `alpha` and `beta` were
fitted to agreement on dev questions of each task (`agreement_prior.py`), without any label.

**The sequential half**, rounds in which the model thinks again, is `chain/rethinking`.

**What to expect.** Written before measuring. A vote is not of the law's form: two samples elect no
better than one. The law stops soonest where the model agrees with itself, as a vote would want it to,
but it stops confident wrong questions as soon as right ones. So: at 16 samples' accuracy about 0.7 of
their words, give or take, which adaptive consistency should do with fewer, since it looks again after
every sample; random widths do it with no fewer than majority. Beyond its N*, 64 samples gain more
than a point, since a vote goes on gaining after the law is flat.

**Ways to fake it.** Fitting p to right answers of the question at hand; leaving the pilot out of the
bill; sampling the pilot again as part of the vote, which counts its ballots twice; calling Hit@N
accuracy.
"""

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.agreement_prior import agreement
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.saturation_law import Prior, saturation_point
from adabench.workloads.test_time.substrate.voting import vote

CARD = Card(
    title="TTSPM: samples up to the saturation point, then a vote",
    paper="Scaling over Scaling, arXiv 2505.20522",
    slug="ttspm",
    adapts="how many samples a question gets, on how far a pilot of four agrees with itself",
    signal=("test_time.substrate.agreement_prior:agreement",),
    fidelity="reconstructed",
    tasks=("chain", "text"),
    abilities=(Ability("samples"),),
    on_task={
        "text": OnTask(
            sweep={"N": (8,), "epsilon": (0.01,), "alpha": (1.2,), "beta": (0.9,)},
            title="TTSPM: samples up to the saturation point, then a vote",
        )
    },
    knobs=(
        Knob("epsilon", (0.1, 0.01, 0.001, 0.0001, 0.000001), 0.01, open=True, low=1e-9, high=1.0),
        Knob("N", (64,), 64, open=True, low=1),
        Knob("pilot", (4,), 4, open=True, low=1),
        Knob("alpha", (0.1,), 0.1, open=True, low=0.0),
        Knob("beta", (1.2,), 1.2, open=True, low=0.0),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return a completion that states the winning answer of N* samples."""
    pilot, most = min(int(point["pilot"]), int(point["N"])), int(point["N"])
    prior = Prior(float(point["alpha"]), float(point["beta"]))
    with task.session(question) as session:
        # Forked once: two forks of one sequence would draw the same words.
        leaves = session.fork(session.open(), most)
        session.decode(leaves[:pilot])
        with session.aside():
            stated = [session.answer(leaf.completion) for leaf in leaves[:pilot]]
            p = prior.mean(agreement(stated), pilot)
            count = min(most, max(pilot, saturation_point(p, float(point["epsilon"]))))
            session.offer(leaves[0].completion)
        session.decode(leaves[pilot:count])
        with session.aside():
            ballots = [leaf.completion for leaf in leaves[:count]]
            session.offer(vote(ballots, [1.0] * count, session.answer))
    return session.best
