"""Revisions: chains of attempts at a question, each of which reads the ones before it.

A budget of N attempts is spent on chains side by side, and within each on one attempt after the other
(`attempt_chains.py`). The policy was trained to write a right attempt after 0 to 4 wrong ones
(`training/train_revisions.py`).

    N = chains x attempts in each        attempts in each = N^ratio
    ratio 0: all side by side (`parallel_attempts`)          ratio 1: one chain

Which attempt is answered with is decided within each chain and then among the chains, by a judge or by the
majority; `by=last` takes the last attempt of the first chain. N and ratio are the same for all questions:
`compute_optimal` with `mechanism=revisions` sets the ratio by difficulty.

**What is simplified.** The last four attempts are read, as in the paper, but only as many of them as leave
room in a context of 320 words: all four up to four operations, two with six, one with eight. When the
oldest one is dropped the others move, and are read anew at their full price. The question stands behind
the attempts, and not before them: a policy of this size does not find it there. Seeds take the same
training unless more were made (`adabench train`). The judge is that of single solutions and reads each
attempt by itself, where the paper trains one that reads the chain: ours (`train_revision_judge.py`)
does not pass the gate of a judge, which is to choose better than the majority.

**What to expect.** Written before measuring. A further attempt is right more often than the first, by two
to five points. More than a third of the right ones is lost, since no right one was ever read in training.
Attempts in a chain err alike, so 16 of them are worth less than 16 side by side, by two to five points in
all; the loss is smaller where questions are easy. So the sign of the paper's statement on difficulty
holds and its factor of 4 does not, least of all in FLOPs: each attempt also reads three others.

**Ways to fake it.** An attempt that is told whether the last one was right, or a chain that ends at the
first right one. Counting N and not the words that are read again. Wrong attempts of test problems in
training. A stronger judge, or another vote, than the attempts side by side get.
"""

from adabench.harness.contract.card import (
    Ability,
    Card,
    Claim,
    Contrast,
    Difference,
    Frontier,
    Knob,
    Point,
    Reach,
)
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.attempt_chains import choose, sizes, write_chains
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Revisions",
    paper="Snell et al., Scaling LLM Test-Time Compute Optimally, arXiv 2408.03314, 2024",
    slug="compute-optimal",
    adapts="what the policy answers, by its own earlier attempts at the question",
    fidelity="paper",
    conditions={"layout": "several"},
    abilities=(Ability("revisions"),),
    knobs=(
        Knob("N", (4, 16, 64), 16, open=True, low=1),
        Knob("ratio", (0.5, 1.0), 0.5, open=True, low=0, high=1),
        Knob("by", ("judge", "majority", "last"), "judge"),
    ),
    claims=(
        Claim(
            id="CO-rev-4x",
            says="Revisions answer what 64 attempts side by side do for a quarter of their FLOPs.",
            source="measured",
            paper="compute-optimal revisions outperform best-of-N with up to 4x less test-time "
            "compute: 64 samples against 256; here at one ratio for all questions",
            effect=0.25,
            expect=Reach(
                "flops_counted",
                "accuracy",
                against="parallel_attempts",
                where={"lengths": "1..8"},
                there={"N": 64},
            ),
        ),
        Claim(
            id="CO-rev-4x-words",
            says="They do so for half of the words that are generated.",
            source="own",
            paper="the same in the unit of the paper, which counts generations and not what is read",
            effect=None,
            expect=Reach(
                "generated",
                "accuracy",
                against="parallel_attempts",
                high=0.5,
                where={"lengths": "1..8"},
                there={"N": 64},
            ),
        ),
        Claim(
            id="CO-rev-gain",
            says="The fourth attempt of a chain is right more often than the first.",
            source="measured",
            paper="the revision model's pass@1 rises gradually at each step, even beyond the four "
            "revisions that it was trained on; no number in the text",
            effect=None,
            expect=Difference(
                "accuracy",
                against="parallel_attempts",
                low=0.0,
                where={"by": "last", "lengths": "1..8"},
                there={"N": 1, "by": "judge"},
            ),
            apart_from=(),
            no_rival="one attempt is held against another one of the same policy; whoever votes "
            "answers more than either",
        ),
        Claim(
            id="CO-rev-sequential",
            says="16 attempts in one chain answer more than 16 side by side.",
            source="measured",
            paper="sampling sequentially from the revision model slightly outperforms sampling in "
            "parallel, by verifier and by majority; no number in the text",
            effect=None,
            expect=Difference(
                "accuracy",
                against="parallel_attempts",
                low=0.0,
                where={"ratio": 1.0, "lengths": "1..8"},
            ),
        ),
        Claim(
            id="CO-5",
            says="One chain gains more over attempts side by side where questions are easy.",
            source="headline",
            paper="in both cases, search and revisions, the effectiveness of different approaches "
            "critically varies depending on the difficulty of the prompt: easy questions do best with purely "
            "sequential revisions, hard ones at an intermediate ratio; no number; eight lengths",
            effect=None,
            expect=Contrast(
                "accuracy",
                against="parallel_attempts",
                groups=("d1", "d2"),
                other_groups=("d7", "d8"),
                low=0.0,
                where={"ratio": 1.0, "lengths": "1..8"},
            ),
        ),
        Claim(
            id="CO-rev-front",
            says="At equal FLOPs revisions answer more than attempts side by side.",
            source="own",
            paper="a criterion of ours, expected to fail: earlier attempts have to be read",
            effect=None,
            expect=Frontier(
                "flops_counted",
                "accuracy",
                against="parallel_attempts",
                low=0.0,
                where={"lengths": "1..8"},
            ),
        ),
        Claim(
            id="CO-rev-judge",
            says="A judge of single solutions chooses better among revisions than the majority.",
            source="own",
            paper="the gate of a judge; the paper's reward model of single solutions does not transfer "
            "to revisions, and one is trained on these",
            effect=None,
            expect=Difference(
                "accuracy",
                against="revisions",
                low=0.0,
                where={"by": "judge", "lengths": "1..8"},
                there={"by": "majority"},
            ),
        ),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the attempt that is answered with.

    Raises:
        CapabilityMissing: if no policy was trained on attempts of this one.
    """
    by = str(point["by"])
    with task.session(question, revising=True) as session:
        chains = write_chains(session, *sizes(int(point["N"]), float(point["ratio"])))
        session.offer(choose(session, chains, by))
    return session.best
