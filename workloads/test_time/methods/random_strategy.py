"""Random strategy: what a compute-optimal table would choose for another question.

The control of `compute_optimal`. A die says which bin of difficulty a question is in, all equally likely;
the strategy that the table has for this bin and budget then really runs. Bins are quantiles, so that on
questions like those that the table was fitted to the die deals out each strategy as often as the table does. It
knows the question's index and the run's seed. It needs no estimate and pays for none: what an estimate is worth, it must gain over this.

**What to expect.** Written before measuring on test questions: ten points below `compute_optimal` at the
same N, since what is cheapest where all are right is worst where questions are hard.

**Ways to fake it.** A die that is thrown again; frequencies that are not those of the table.
"""

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.strategies import REVISING, STRATEGIES

CARD = Card(
    title="Strategies of other questions, by a die",
    adapts="which strategy a question gets, by a die",
    role="control",
    control_of=("compute_optimal",),
    tasks=("chain", "text"),
    abilities=(
        Ability("samples"),
        Ability("scores", unless={"mechanism": "votes"}),
        Ability("logprobs", unless={"mechanism": "search"}),
    ),
    on_task={
        "text": OnTask(sweep={"N": (8,), "mechanism": ("votes",)}),
    },
    knobs=(
        Knob("N", (16,), 16, open=True, low=1),
        Knob("mechanism", ("search",), "search", open=True),
    ),
)
_DIE = 0x57A7


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return what the strategy of a random bin answers."""
    mechanism = str(point["mechanism"])
    table = task.plan(mechanism).predicted
    bin_ = thrown(task.seed, question.index, len(table.choices))
    with task.session(question, revising=mechanism in REVISING) as session:
        STRATEGIES[table.strategy(bin_, int(point["N"]))](session, int(point["N"]))
    return session.best


def thrown(seed: int, index: int, sides: int) -> int:
    """Return a number below `sides`, all equally likely."""
    return mix(_DIE, seed, index) % sides
