"""Compute-optimal test-time scaling: the strategy that was found best for questions as hard as this one.

    theta*(q, N) = argmax over strategies of P(right | difficulty of q, budget N)

1. *Difficulty.* 16 samples of a context of their own, which nothing else uses; the mean of the judge's
   last scores (on `text`, the share that states the same answer) puts the question into one of five
   bins, the quantiles of `dev` questions. No answer is known.
2. *Strategy.* A table has for each bin and budget the strategy that answered most of the `dev` questions
   in that bin (`strategies.py`): a vote weighted by the judge, beams of two widths, lookahead; on
   `text`, which has no judge of steps, heads counted or weighted by likelihood. `adabench train
   chain/compute-optimal-s0` fits it.
3. The strategy runs, with samples of its own.

**The bill.** The paper leaves the estimate out (2,048 samples a question there). Here it is on the meter,
in `flops_counted` and once more by itself in `difficulty_flops`, so that claims can say which of the two
they mean. The judge is most of either bill.

**What is simplified.** 16 samples for 2,048; the judge of steps is the task's; difficulty is cut once, on `dev`,
in place of two folds of the test set. Of `mechanism=revisions` (on `chain`) strategies are ratios of
attempts one after the other to attempts side by side; policy and judge are other ones (`revisions`).

**What to expect.** Written from `dev` questions, before any of a test. What is best changes with difficulty:
on easy questions all are right and the cheapest is taken, three steps ahead are worst on hard ones,
beams best. So strategies dealt at random answer ten points less; the best fixed one, a beam, a point
less. The accuracy of best-of-64 for about a quarter of its FLOPs without the estimate, and for half of
them with it. Against `lm-l` it wins at R = 0.16, ties at 0.79 and loses at 22 where questions are hard.
Predicted bins do what graded ones do.

**Ways to fake it.** Bins from the samples that are then voted on, or from grades. A table fitted to test
questions. N in place of FLOPs: the judge, looks ahead and the estimate cost, too. An unweighted best-of-N
as the rival, or one with another judge.
"""

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.strategies import REVISING, STRATEGIES, estimated_ease

CARD = Card(
    title="Compute-optimal test-time scaling",
    paper="Snell et al., Scaling LLM Test-Time Compute Optimally, arXiv 2408.03314, ICLR 2025",
    slug="compute-optimal",
    adapts="which strategy a question gets, on its difficulty by a judge of other samples",
    signal=("test_time.substrate.strategies:estimated_ease",),
    fidelity="reconstructed",
    tasks=("chain", "text"),
    abilities=(
        Ability("samples"),
        Ability("scores", unless={"mechanism": "votes"}),
        Ability("logprobs", unless={"mechanism": "search"}),
    ),
    on_task={
        "text": OnTask(
            sweep={"N": (8, 4), "pilot": (8,), "mechanism": ("votes",)},
            title="Compute-optimal votes",
        ),
    },
    knobs=(
        Knob("N", (4, 8, 16), 16, open=True, low=1),
        Knob("pilot", (16,), 16, open=True, low=1),
        Knob("mechanism", ("search",), "search", open=True),
    ),
)  # fmt: skip


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return what the strategy for questions as hard as this one answers.

    Raises:
        CapabilityMissing: if no table is fitted to the task's models.
    """
    mechanism, budget = str(point["mechanism"]), int(point["N"])
    table = task.plan(mechanism).predicted
    with task.session(question, revising=mechanism in REVISING) as session:
        ease = estimated_ease(session, int(point["pilot"]), table.measure)
        STRATEGIES[table.strategy(table.bin_of(ease), budget)](session, budget)
    return session.best
