"""Rounds of rethinking up to the saturation point: the sequential half of TTSPM.

A round writes another attempt, which reads those before it, as many as fit (`attempt_chains.py`), by the policy that was
trained to revise (`revisions`). The law takes a right answer to be absorbing: once right, right for good.
Then round N is right with probability 1 - (1 - p)^N, p being the chance that a round turns a wrong
answer right, and which round gains no more than `epsilon` follows as for samples (`ttspm`):

    N* = ceil(ln(epsilon / p) / ln(1 - p))

p comes from a pilot of k rounds, by how many of them state the most frequent answer. N* rounds are written
in all, the pilot's among them, N at the most. The last one is the answer: nothing else would be needed if
right answers stayed right.

**What is ours.** As of `ttspm`: nothing is graded, so p is of agreement, and the prior is that of samples
side by side. The policy learned to write a right attempt after wrong ones; the paper's reasoning models are
asked to think again.

**What to expect.** Written before measuring. Nothing is absorbing here: a round loses a seventh
of the right answers (`revision_oracle`), since no right attempt was ever read in training. So the last of
eight rounds is right some 20 points less often than one of the eight was. And rounds are flat after
the second or third: the last of N* is within a few points of the last of eight, as that of a random
number of rounds is.

**Ways to fake it.** A chain that ends at the first right attempt; the best round for the last one; a p
from grades; the pilot left out of the bill.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.agreement_prior import agreement
from adabench.workloads.test_time.substrate.attempt_chains import READ, write_chains
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.saturation_law import Prior, saturation_point

CARD = Card(
    title="TTSPM: rounds of rethinking up to the saturation point",
    paper="Scaling over Scaling, arXiv 2505.20522",
    slug="ttspm",
    adapts="how many rounds a question gets, on how far a pilot of four agrees with itself",
    signal=("test_time.substrate.agreement_prior:agreement",),
    fidelity="reconstructed",
    abilities=(Ability("revisions"),),
    knobs=(
        Knob("epsilon", (0.01, 1e-9), 0.01, open=True, low=1e-9, high=1.0),
        Knob("N", (8,), 8, open=True, low=1),
        Knob("pilot", (4,), 4, open=True, low=1),
        Knob("alpha", (0.1,), 0.1, open=True, low=0.0),
        Knob("beta", (1.2,), 1.2, open=True, low=0.0),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the last of N* attempts.

    Raises:
        CapabilityMissing: if no policy was trained on attempts of this one.
    """
    pilot, most = min(int(point["pilot"]), int(point["N"])), int(point["N"])
    prior = Prior(float(point["alpha"]), float(point["beta"]))
    with task.session(question, revising=True) as session:
        (chain,) = write_chains(session, 1, pilot)
        with session.aside():
            stated = [session.answer(seq.completion) for seq in chain]
            p = prior.mean(agreement(stated), pilot)
            count = min(most, max(pilot, saturation_point(p, float(point["epsilon"]))))
        while len(chain) < count:
            chain.append(session.policy.resume(chain[-READ:]))
            session.decode(chain[-1:])
            session.offer(chain[-1].completion)
    return session.best
