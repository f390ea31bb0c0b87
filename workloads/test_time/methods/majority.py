"""Majority of N samples: the answer that most completions state (self-consistency).

Nothing is judged. It gains what the errors of different samples disagree by: where an answer can
be reached in several ways, wrong answers scatter and the right one collects votes; where there is
one way only, the same wrong fact is repeated and there is nothing to gain. Likelihood as a weight
is the same vote with exp(mean log-probability of the words).

**What to expect.** Written before measuring, from a prototype: 12 to 14 points over one sample. Weights change little.

**Ways to fake it.** Breaking ties by the right answer; counting malformed completions as
abstentions that cost nothing.
"""

import math

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.voting import vote

CARD = Card(
    title="Majority of N samples",
    paper="Wang et al., Self-Consistency, arXiv 2203.11171, ICLR 2023",
    adapts="nothing: N samples for every question",
    role="static",
    tasks=("chain", "countdown", "text"),
    abilities=(
        Ability("samples"),
        Ability("logprobs", unless={"weight": "one"}),
    ),
    on_task={
        "countdown": OnTask(sweep={"N": (4, 16), "weight": ("one",)}),
        "text": OnTask(sweep={"N": (8,), "weight": ("one",)}),
    },
    knobs=(
        Knob("N", (4, 16, 64), 16, open=True, low=1),
        Knob("weight", ("one", "likelihood"), "one"),
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
