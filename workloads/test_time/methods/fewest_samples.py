"""Oracle of samples: the least N whose vote is right.

Samples come one after another; after each the vote over all so far is taken, and the first that is
right ends it. Where none of N is right all N are paid for. No rule that stops early can stop earlier
and be right.

**Is it luck?** Partly. The vote of the first samples wavers, and this oracle takes it where it happens
to be right. `luck` runs the same search for a wrong answer, the most frequent one among a question's
N samples: how often some vote along the way states it, beyond the vote at the end. What
the search finds so it finds by wavering alone. Its card says what came of it (`wins_by_luck`).

**What to expect.** Written before measuring: above the vote at N by about ten points at a third of its
words, near pass@N where questions are short; and a wrong answer is found in passing nearly as often,
so its accuracy is no measure of what a stopping rule could gain. It is a bound on samples alone.

**Ways to fake it.** Reporting it as a method.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import GradedTask
from adabench.workloads.test_time.substrate.voting import vote

CARD = Card(
    title="The fewest samples whose vote is right",
    adapts="how many samples a question gets, told which vote is right",
    role="oracle",
    oracle="bound",
    wins_by_luck=True,
    tasks=("chain", "text"),
    abilities=(Ability("samples"),),
    on_task={"text": OnTask(sweep={"N": (8,)})},
    knobs=(Knob("N", (16, 64), 16, open=True, low=1),),
)


def solve(task: GradedTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the first vote that is right, or the last one."""
    with task.session(question) as session:
        leaves = session.fork(session.open(), int(point["N"]))
        for used in range(1, len(leaves) + 1):
            session.decode([leaves[used - 1]])
            ballots = [leaf.completion for leaf in leaves[:used]]
            session.offer(vote(ballots, [1.0] * used, session.answer))
            if task.credit(question, session.best):
                break
    return session.best


def luck(task: GradedTask, questions: Iterable[Question], samples: int) -> dict[str, float]:
    """Return what the search gains over the vote at N, as shares of the questions.

    `by_truth`: a vote along the way is right, and that at N is not. `by_chance`: a vote along the way
    states the most frequent wrong answer, and that at N does not.
    """
    truth = chance = count = 0
    for question in questions:
        with task.session(question) as session:
            leaves = session.fork(session.open(), samples)
            session.decode(leaves)
            ballots = [leaf.completion for leaf in leaves]
            stated = [session.answer(one) for one in ballots]
            right = {
                answer
                for answer, one in zip(stated, ballots, strict=True)
                if task.credit(question, one)
            }
        winners = _winners(stated)
        wrong = Counter(one for one in stated if one is not None and one not in right)
        count += 1
        truth += bool(right & set(winners)) and winners[-1] not in right
        if wrong:
            target = wrong.most_common(1)[0][0]
            chance += target in winners and winners[-1] != target
    return {"by_truth": truth / count, "by_chance": chance / count}


def _winners(stated: Sequence[object]) -> list[object]:
    """Return what each vote along the way states; ties go to what was stated first."""
    counts: Counter[object] = Counter()
    found: list[object] = []
    for answer in stated:
        if answer is not None:
            counts[answer] += 1
        found.append(counts.most_common(1)[0][0] if counts else None)
    return found
