"""Adaptive consistency: samples one after another until the vote is hardly to be overturned.

After every sample the two most frequent answers, stated v1 and v2 times, are compared under a uniform
prior. The probability that the first is the more frequent one in truth is

    P(p1 > p2) = P(Beta(v1 + 1, v2 + 1) > 1/2)

and sampling stops where it exceeds `confidence` (the paper's 0.95), or at N samples.

The rival of every method that stops by a law: it looks at the votes and at nothing else. It pays in
serial steps for the samples that it saves. Samples that the rule needs whatever they state (four before
the first vote can be confident) are drawn side by side: the same samples, in fewer steps.

**What is simplified.** Nothing: the release's Beta criterion, with a sum in place of its integral.

**What to expect.** Written before measuring: at N = 16 about half of majority's words within two
points, since a confident vote is seldom wrong where wrong answers scatter; the paper's 7.9 is its best
data set of 17, its mean is 3.3.

**Ways to fake it.** Counting rounds in place of samples; stopping on the right answer.
"""

import math
from collections import Counter

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.voting import two_largest, vote

CARD = Card(
    title="Adaptive consistency",
    paper="Aggarwal et al., Let's Sample Step by Step, arXiv 2305.11860, EMNLP 2023",
    adapts="how many samples a question gets, on how far its vote leads after each",
    signal=("test_time.substrate.voting:two_largest",),
    fidelity="code-confirmed",
    tasks=("chain", "text"),
    abilities=(Ability("samples"),),
    on_task={"text": OnTask(sweep={"N": (8,), "confidence": (0.95,)})},
    knobs=(
        Knob("N", (16, 64), 16, open=True, low=1),
        Knob("confidence", (0.8, 0.95), 0.95, open=True, low=0.5, high=1.0),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return a completion that states the winning answer when sampling stops."""
    most, wanted = int(point["N"]), float(point["confidence"])
    with task.session(question) as session:
        leaves = session.fork(session.open(), most)
        counts: Counter[object] = Counter()
        used, top = 0, (0, 0)
        while used < most and lead(*top) <= wanted:
            used, begin = used + fewest_more(*top, wanted, most - used), used
            session.decode(leaves[begin:used])
            with session.aside():
                ballots = [leaf.completion for leaf in leaves[:used]]
                counts.update(
                    stated
                    for ballot in ballots[begin:]
                    if (stated := session.answer(ballot)) is not None
                )
                session.offer(vote(ballots, [1.0] * used, session.answer))
                top = two_largest(counts)
    return session.best


def fewest_more(first: int, second: int, wanted: float, left: int) -> int:
    """Return how many samples more, of those left, can end it at the soonest: all state the leader."""
    more = 1
    while more < left and lead(first + more, second) <= wanted:
        more += 1
    return more


def lead(first: int, second: int) -> float:
    """Return the probability that the answer stated more often is the more frequent one.

    P(Beta(a, b) > 1/2) for whole a, b is a sum of binomial coefficients.
    """
    coins = first + second + 1
    return sum(math.comb(coins, heads) for heads in range(first + 1)) / 2.0**coins
