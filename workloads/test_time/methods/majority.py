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

from adabench.harness.contract.card import Ability, Card, Claim, Difference, Knob, Point, Variant
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.voting import vote

CARD = Card(
    title="Majority of N samples",
    paper="Wang et al., Self-Consistency, arXiv 2203.11171, ICLR 2023",
    adapts="nothing: N samples for every question",
    role="static",
    tasks=("chain", "text"),
    abilities=(
        Ability("samples"),
        Ability("logprobs", unless={"weight": "one"}),
    ),
    variants={"text": Variant(sweep={"N": (8,), "weight": ("one",)})},
    knobs=(
        Knob("N", (4, 16, 64), 16, open=True, low=1),
        Knob("weight", ("one", "likelihood"), "one"),
    ),
    claims=(
        Claim(
            id="sc-1",
            says="Voting over samples answers more than greedy decoding, by 17.9 points.",
            source="headline",
            paper="boosts chain-of-thought prompting with a striking margin: GSM8K +17.9 %, SVAMP "
            "+11.0 %, AQuA +12.2 %, StrategyQA +6.4 %, ARC-challenge +3.9 % (recalled)",
            effect=0.179,
            expect=Difference("accuracy", against="greedy"),
            # Random N is a vote too, and a dearer one: it has a judge besides.
            apart_from=("sample", "greedy"),
        ),
        Claim(
            id="CH-vote",
            says="With several paths to an answer, voting over 16 gains six points over one sample.",
            source="own",
            paper="half of the 12 to 14 points of a prototype: is there anything to vote for?",
            effect=None,
            expect=Difference("accuracy", against="sample", low=0.06),
        ),
        Claim(
            id="TX-vote",
            says="Voting over 8 samples of a real model gains six points over one sample.",
            source="own",
            paper="a third of what SmolLM2 showed on 200 other sums of two steps: 0.51 and 0.71",
            effect=None,
            expect=Difference("accuracy", against="sample", low=0.06),
            decided_on="text",
        ),
        Claim(
            id="CH-single",
            says="With a single path voting gains little over one sample: at most four points.",
            source="own",
            paper="the negative control of the substrate; 0 to 4 points in a prototype",
            effect=None,
            expect=Difference("accuracy", against="sample", high=0.04, where={"layout": "single"}),
        ),
        Claim(
            id="CH-single-greedy",
            says="With a single path voting over 16 gains a point over greedy decoding at most.",
            source="own",
            paper="the negative control of the substrate; 0.52 against 0.54 in a prototype",
            effect=None,
            expect=Difference("accuracy", against="greedy", high=0.01, where={"layout": "single"}),
        ),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return a completion that states the winning answer.

    Raises:
        CapabilityMissing: if likelihoods are the weights and the policy shows none.
    """
    likely = point["weight"] == "likelihood"
    with task.session(question) as session:
        if likely:
            session.require("logprobs")
        leaves = session.fork(session.open(), int(point["N"]))
        session.decode(leaves)
        with session.aside():
            weights = [
                math.exp(leaf.logprob / max(1, len(leaf.completion))) if likely else 1.0
                for leaf in leaves
            ]
            session.offer(vote([leaf.completion for leaf in leaves], weights, session.answer))
    return session.best
