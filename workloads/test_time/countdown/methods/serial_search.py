"""Searches in one thread, N side by side, and their vote: what APR is held against (SoS+, cons@n).

A policy tries, gives up (`back`) and tries again until it has arrived or its thread is full, which holds as many words as each of APR's. Of N
searches the answer wins that most of them found; one that ended without an attempt has no vote.

**What to expect.** Written before training: five attempts at three numbers and three at four fill the thread, so one search is right in two fifths of
the questions; votes of eight add little, since whoever finds an answer checks it, and wrong ones scatter.

**Ways to fake it.** A policy taught by traces that the thread cuts off; fewer words of learning by reward than APR's; a vote that knows what
is right.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.countdown.substrate.thread_trees import searches
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.voting import vote

CARD = Card(
    title="Searches in one thread, and their vote",
    paper="Gandhi et al., Stream of Search, arXiv 2404.03683, COLM 2024, as APR's authors teach it (SoS+)",
    adapts="nothing: N searches for every question",
    role="static",
    knobs=(
        Knob("N", (1, 2, 4, 8), 1, open=True, low=1),
        Knob("recipe", ("serial-rl",), "serial-rl", also=("serial",)),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the answer that most of N searches found.

    Raises:
        CapabilityMissing: if the policy was not trained.
    """
    with task.session(question, successor=str(point["recipe"])) as session:
        leaves = searches(session, int(point["N"]))
        with session.aside():
            ballots = [leaf.completion for leaf in leaves]
            session.offer(vote(ballots, [1.0] * len(ballots), session.answer))
    return session.best
