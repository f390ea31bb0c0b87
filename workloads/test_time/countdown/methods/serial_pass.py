"""Is one of N searches in one thread right: the oracle of APR's rivals, drawn dotted.

The first of N searches (`serial_search`) that is right, told which is. It bounds every vote among the same searches, and not what threads find.

**What to expect.** Written before training: eight searches hold the answer of four fifths of the questions.

**Ways to fake it.** Reporting it as a method.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.countdown.substrate.thread_trees import searches
from adabench.workloads.test_time.substrate.question_task import GradedTask

CARD = Card(
    title="Pass@N of searches in one thread",
    adapts="which of N searches is returned, told which is right",
    role="oracle",
    oracle="bound",
    knobs=(
        Knob("N", (8,), 8, open=True, low=1),
        Knob("recipe", ("serial-rl",), "serial-rl", also=("serial",)),
    ),
)


def solve(task: GradedTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return a right completion if there is one.

    Raises:
        CapabilityMissing: if the policy was not trained.
    """
    with task.session(question, successor=str(point["recipe"])) as session:
        leaves = searches(session, int(point["N"]))
        right = (leaf for leaf in leaves if task.credit(question, leaf.completion))
        session.offer(next(right, leaves[0]).completion)
    return session.best
