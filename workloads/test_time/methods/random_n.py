"""Random N: a judged vote whose number of samples is a die's.

The control of every method that decides for itself how much a question gets. For each question n is
drawn from 1..2N-1, all equally likely, so N on average; then n samples and a vote weighted by the
judge, as in `judged_vote`. The die knows the question's index and the run's seed and sees
nothing else. Width that varies is no merit in itself: a method whose width varies with
what it has seen must beat this.

**What to expect.** Written before measuring: a little below `judged_vote` at the same N, since what
a question gains from one more sample shrinks with their number (accuracy is concave in n).

**Ways to fake it.** A die that is thrown again until the answer is good.
"""

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.voting import aggregate, vote

CARD = Card(
    title="Vote of a random number of samples",
    adapts="how many samples a question gets, by a die",
    role="control",
    tasks=("chain", "text"),
    abilities=(Ability("samples"), Ability("scores")),
    on_task={"text": OnTask(sweep={"N": (8,)})},
    knobs=(
        Knob("N", (16,), 16, open=True, low=1),
        Knob("aggregate", ("last",), "last", open=True),
    ),
)
_DIE = 0xD1E


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return a completion that states the winning answer of n samples."""
    count = samples(task.seed, question.index, int(point["N"]))
    with task.session(question) as session:
        leaves = session.fork(session.open(), count)
        session.decode(leaves)
        scores = session.scores(leaves)
        with session.aside():
            weights = [aggregate(row, str(point["aggregate"])) for row in scores]
            session.offer(vote([leaf.completion for leaf in leaves], weights, session.answer))
    return session.best


def samples(seed: int, index: int, mean: int) -> int:
    """Return a number of 1..2 mean - 1, all equally likely."""
    return 1 + mix(_DIE, seed, index) % (2 * mean - 1)
