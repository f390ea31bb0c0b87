"""Majority of N samples: the answer that most completions state (self-consistency).

Nothing is judged. It gains what the errors of different samples disagree by: where a product can
be split in several ways, wrong answers scatter and the right one collects votes; where there is
one path only, the same wrong fact is repeated and there is nothing to gain. Likelihood as a weight
is the same vote with exp(mean log-probability of the words).

**What to expect.** Written before measuring, from a prototype: 12 to 14 points over one sample with
several paths, 0 to 4 with one path (`layout=single`, the negative control). Weights change little.

**Ways to fake it.** Breaking ties by the right answer; counting malformed completions as
abstentions that cost nothing.
"""

import math

from adabench.harness.contract.card import Card, Claim, Knob, Point, Ratio
from adabench.workloads.test_time.chain.substrate.chain import Chain, Question
from adabench.workloads.test_time.chain.substrate.voting import vote

CARD = Card(
    title="Majority of N samples",
    paper="Wang et al., Self-Consistency, arXiv 2203.11171, ICLR 2023",
    adapts="nothing: N samples for every question",
    role="static",
    knobs=(
        Knob("N", (4, 16, 64), 16, open=True, low=1),
        Knob("weight", ("one", "likelihood"), "one"),
    ),
    claims=(
        Claim(
            id="CH-vote",
            says="With several paths to an answer, voting over 16 gains over one sample.",
            source="measured",
            paper="12 to 14 points (prototype of the substrate)",
            effect=None,
            expect=Ratio("accuracy", against="sample", low=1.1),
        ),
        Claim(
            id="CH-single",
            says="With a single path voting gains little: at most a tenth.",
            source="measured",
            paper="0 to 4 points (prototype of the substrate)",
            effect=None,
            expect=Ratio("accuracy", against="sample", high=1.1, where={"layout": "single"}),
        ),
        Claim(
            id="CH-single-greedy",
            says="With a single path voting over 16 is no better than decoding greedily.",
            source="measured",
            paper="0.52 against 0.54 (prototype of the substrate)",
            effect=None,
            expect=Ratio("accuracy", against="greedy", high=1.0, where={"layout": "single"}),
        ),
    ),
)


def solve(task: Chain, question: Question, point: Point) -> tuple[int, ...]:
    """Return a completion that states the winning answer."""
    with task.session(question) as session:
        leaves = session.fork(session.open(), int(point["N"]))
        session.decode(leaves, max_new=session.room)
        with session.aside():
            likely = point["weight"] == "likelihood"
            weights = [
                math.exp(leaf.logprob / max(1, len(leaf.completion))) if likely else 1.0
                for leaf in leaves
            ]
            session.offer(vote([leaf.completion for leaf in leaves], weights))
    return session.best
