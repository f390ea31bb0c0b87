"""Pass@N: is the right answer among N samples. The oracle, drawn dotted.

A selector that is told which completion is right. Nothing real can choose better among the same
samples, so it bounds voting and judging at the same N; a search draws other samples and could
pass it. It is `exact` for choosing among N and a `bound` for choosing how many.

**What to expect.** At least 15 points above greedy at N = 16, else there is nothing to choose.

**Ways to fake it.** Reporting it as a method.
"""

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import GradedTask

CARD = Card(
    title="Pass@N",
    adapts="which of N samples is returned, told which is right",
    role="oracle",
    oracle="bound",
    tasks=("chain", "countdown", "text"),
    abilities=(Ability("samples"),),
    on_task={"text": OnTask(sweep={"N": (8,)})},
    knobs=(Knob("N", (4, 16), 16, open=True, low=1),),
)


def solve(task: GradedTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return a right completion if there is one."""
    with task.session(question) as session:
        leaves = session.fork(session.open(), int(point["N"]))
        session.decode(leaves)
        right = (leaf for leaf in leaves if task.credit(question, leaf.completion))
        session.offer(next(right, leaves[0]).completion)
    return session.best
