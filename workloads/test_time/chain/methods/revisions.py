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
room in a context of 320 words: two. When the oldest one is dropped the others move, and are read anew at their full
price. The question stands behind the attempts, and not before them: a policy of this size does not find it there.
The judge is that of single solutions and reads each attempt by itself, where the paper trains one that reads the
chain: one that was trained so chose no better than the majority.

**What to expect.** Written before measuring in runs, after a look at the training's own figures: a further attempt is
right as often as the first, since what an attempt got wrong does not stand in it. A seventh of the right ones is lost.
So 16 attempts in a chain are worth no more than 16 side by side; its factor of 4 does not hold, least of all in
FLOPs: each attempt also reads two others.

**Ways to fake it.** An attempt that is told whether the last one was right, or a chain that ends at the
first right one. Counting N and not the words that are read again. Wrong attempts of test problems in
training. A stronger judge, or another vote, than the attempts side by side get.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.attempt_chains import choose, sizes, write_chains
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Revisions",
    paper="Snell et al., Scaling LLM Test-Time Compute Optimally, arXiv 2408.03314, 2024",
    slug="compute-optimal",
    adapts="what the policy answers, by its own earlier attempts at the question",
    no_signal="it reads attempts of its own in words, and a session takes none at another question; `random_n`",
    fidelity="paper",
    abilities=(Ability("revisions"),),
    knobs=(
        Knob("N", (4, 16, 64), 16, open=True, low=1),
        Knob("ratio", (0.5, 1.0), 0.5, open=True, low=0, high=1),
        Knob("by", ("judge", "majority", "last"), "judge"),
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
