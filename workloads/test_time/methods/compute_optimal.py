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

from adabench.harness.contract.card import (
    Ability,
    Card,
    Claim,
    Difference,
    Knob,
    Point,
    Ratio,
    Reach,
    Variant,
)
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.strategies import REVISING, STRATEGIES, estimated_ease

CARD = Card(
    title="Compute-optimal test-time scaling",
    paper="Snell et al., Scaling LLM Test-Time Compute Optimally, arXiv 2408.03314, ICLR 2025",
    slug="compute-optimal",
    adapts="which strategy a question gets, on its difficulty by a judge of other samples",
    fidelity="reconstructed",
    tasks=("chain", "text"),
    abilities=(
        Ability("samples"),
        Ability("scores", unless={"mechanism": "votes"}),
        Ability("logprobs", unless={"mechanism": "search"}),
    ),
    variants={
        "chain": Variant(conditions={"layout": "several"}),
        "text": Variant(
            sweep={"N": (8, 4), "pilot": (8,), "mechanism": ("votes",)},
            title="Compute-optimal votes",
        ),
    },
    knobs=(
        Knob("N", (4, 8, 16), 16, open=True, low=1),
        Knob("pilot", (16,), 16, open=True, low=1),
        Knob("mechanism", ("search",), "search", open=True),
    ),
    claims=(
        Claim(
            id="CO-1",
            says="It has the accuracy of best-of-64 for a quarter of its FLOPs, the estimate of "
            "difficulty left out as the paper does.",
            source="headline",
            paper="we can improve the efficiency of test-time compute scaling by more than 4x "
            "compared to a best-of-N baseline",
            effect=0.25,
            expect=Reach(
                "flops_counted",
                "accuracy",
                against="judged_vote",
                where={"N": (4, 16, 64), "lengths": "1..8"},
                there={"N": 64},
                less="difficulty_flops",
            ),
            apart_from=("majority", "random_n", "random_strategy"),
        ),
        Claim(
            id="CO-1-whole",
            says="It does so for a quarter, not only for half of the way there.",
            source="measured",
            paper="16 against 64 generations with search on MATH (PaLM 2-S*), estimate left out",
            effect=0.25,
            share=1.0,
            expect=Reach(
                "flops_counted",
                "accuracy",
                against="judged_vote",
                where={"N": (4, 16, 64), "lengths": "1..8"},
                there={"N": 64},
                less="difficulty_flops",
            ),
            apart_from=("majority", "random_n", "random_strategy"),
        ),
        Claim(
            id="CO-1-billed",
            says="It has the accuracy of best-of-64 for half of its FLOPs, estimate included.",
            source="own",
            paper="the same with everything in the bill; the paper leaves the estimate out",
            effect=None,
            expect=Reach(
                "flops_counted",
                "accuracy",
                against="judged_vote",
                high=0.5,
                where={"N": (4, 16, 64), "lengths": "1..8"},
                there={"N": 64},
            ),
        ),
        Claim(
            id="CO-1-revisions",
            says="With revisions it answers what 64 attempts side by side do for a quarter of their "
            "FLOPs, the estimate left out.",
            source="measured",
            paper="64 against 256 samples with revisions on MATH, estimate left out",
            effect=0.25,
            expect=Reach(
                "flops_counted",
                "accuracy",
                against="parallel_attempts",
                where={"mechanism": "revisions", "lengths": "1..8"},
                there={"N": 64},
                less="difficulty_flops",
            ),
        ),
        Claim(
            id="CO-2",
            says="With matched FLOPs at R = 0.16 it answers more than a policy of 26 times the size, "
            "where the small one has some success.",
            source="headline",
            paper="in a FLOPs-matched evaluation, on problems where a smaller base model attains "
            "somewhat non-trivial success rates, test-time compute can be used to outperform a 14x "
            "larger model; no number",
            effect=None,
            expect=Difference(
                "accuracy",
                against="greedy",
                low=0.0,
                where={"N": 64, "lengths": "1..8"},
                there={"policy": "lm-l"},
                groups=("d2", "d4"),
            ),
            requires=("CO-2-flops",),
            apart_from=("greedy", "random_strategy"),
        ),
        Claim(
            id="CO-2-flops",
            says="It stays within what R = 0.16 allows: 495 times the FLOPs of one answer.",
            source="check",
            paper="M + 3 (M - 1) / R with M = 26; the estimate is in the bill",
            effect=None,
            expect=Ratio(
                "flops_counted",
                against="greedy",
                high=495.0,
                where={"N": 64, "lengths": "1..8"},
                groups=("d2", "d4"),
            ),
        ),
        Claim(
            id="CO-2-equal",
            says="With matched FLOPs at R = 0.79 it still answers more there.",
            source="measured",
            paper="test-time compute is preferable on easy and medium questions or at R << 1",
            effect=None,
            expect=Difference(
                "accuracy",
                against="greedy",
                low=0.0,
                where={"N": 4, "lengths": "1..8"},
                there={"policy": "lm-l"},
                groups=("d2", "d4"),
            ),
            requires=("CO-2-equal-flops",),
            apart_from=("greedy", "random_strategy"),
        ),
        Claim(
            id="CO-2-equal-flops",
            says="It stays within what R = 0.79 allows: 121 times the FLOPs of one answer.",
            source="check",
            paper="M + 3 (M - 1) / R with M = 26; the estimate is in the bill, and most of it",
            effect=None,
            expect=Ratio(
                "flops_counted",
                against="greedy",
                high=121.0,
                where={"N": 4, "lengths": "1..8"},
                groups=("d2", "d4"),
            ),
        ),
        Claim(
            id="CO-2-hard",
            says="At R = 22, on the hardest questions, the policy of 26 times the size answers more.",
            source="measured",
            paper="on the hardest questions or at R >> 1 pretraining compute is the better use; N = 4 "
            "is within 29 times one answer without the estimate",
            effect=None,
            expect=Difference(
                "accuracy",
                against="greedy",
                high=0.0,
                where={"N": 4, "lengths": "1..8"},
                there={"policy": "lm-l"},
                groups=("d7", "d8"),
            ),
            apart_from=(),
            no_rival="to answer less is no feat",
        ),
        Claim(
            id="CO-7",
            says="Bins by a judge do as well as bins by grades, within two points.",
            source="measured",
            paper="about 34 % with predicted and 36 % with oracle difficulty at 64 samples (read off a "
            "figure): most of the gain is kept",
            effect=None,
            expect=Difference(
                "accuracy",
                against="best_strategy",
                low=-0.02,
                where={"lengths": "1..8"},
                there={"by": "bin"},
            ),
            apart_from=("random_n", "random_strategy"),
        ),
        Claim(
            id="CO-random",
            says="At the same budget it answers more than its strategies dealt at random.",
            source="own",
            paper="what a difficulty is worth, whatever the strategies are worth",
            effect=None,
            expect=Difference(
                "accuracy", against="random_strategy", low=0.0, where={"lengths": "1..8"}
            ),
        ),
        Claim(
            id="CO-fixed",
            says="At the same budget it answers more than the best fixed strategy, a beam.",
            source="own",
            paper="a table that chooses must beat the one strategy that is best on the whole",
            effect=None,
            expect=Difference("accuracy", against="beam", low=0.0, where={"lengths": "1..8"}),
        ),
        Claim(
            id="TX-optimal",
            says="Votes chosen by difficulty answer more than greedy decoding of a real model.",
            source="own",
            paper="what is left of the paper without a judge of steps; nobody claims it of votes alone",
            effect=None,
            expect=Difference("accuracy", against="greedy", low=0.0),
            decided_on="text",
        ),
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
